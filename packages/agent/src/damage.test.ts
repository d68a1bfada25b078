import { expect, it } from 'vitest';
import { makeBundle, simulate, withFirstVersion } from './simulation.fixture.ts';

it('makes a lost copy of the root of trust anew; with both lost it serves, and says why it installs nothing', async () => {
  const device = simulate('root');
  await device.enrol();
  device.want(1, [await device.publish(makeBundle('1.0.0'), 1)]);
  await device.boot();
  await device.untilSettled(1);
  const { machine, controller } = device;
  const restartWithout = async (...names: string[]) => {
    machine.killProcess();
    for (const name of names) machine.disk.damage(`/data/covey/${name}`, 100);
    await device.boot();
    await device.world.advance(60_000);
  };
  const rootEvents = () => controller.events.filter(({ kind }) => kind.startsWith('root-'));
  const told = () => rootEvents().map(({ kind }) => kind);
  await restartWithout('identity/root-b');
  expect(told()).toEqual(['root-damaged']);
  await restartWithout('identity/root-a');
  expect(told()).toEqual(['root-damaged', 'root-damaged']);
  machine.killProcess();
  await machine.disk.port(async (operation) => operation()).remove('/data/covey/identity/root-b');
  await restartWithout();
  expect(rootEvents().slice(2)).toMatchObject([
    { kind: 'root-damaged', message: expect.stringContaining('root-b is missing') },
  ]);
  await restartWithout('identity/root-a', 'identity/root-b');
  expect(told().at(-1)).toBe('root-lost');
  device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
  await device.untilSettled(2);
  expect(device.status().reported).toMatchObject({
    state: 'rejected',
    reason: { code: 'DATA_CORRUPT', message: expect.stringContaining('covey enroll --replace') },
  });
  expect(device.servingVersions()).toEqual(['1.0.0']);
});

it('keeps the bundles that it has when both copies of the ledger are lost, and fetches none of them again', async () => {
  const device = await withFirstVersion('ledger');
  const { machine, controller, http } = device;
  machine.killProcess();
  for (const name of ['ledger-a', 'ledger-b']) machine.disk.damage(`/data/covey/state/${name}`, 100);
  const contents = () => http.served.filter((path) => /chunks|transfers/.test(path)).length;
  const before = contents();
  expect(before).toBeGreaterThan(0);
  await device.boot();
  await device.world.advance(60_000);
  await device.untilSettled(1);
  expect(device.servingVersions()).toEqual(['1.0.0']);
  expect(contents()).toBe(before);
  expect(controller.events.filter(({ kind }) => kind === 'ledger-damaged')).toHaveLength(2);
});
