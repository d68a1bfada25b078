import { expect, it } from 'vitest';
import { makeBundle, simulate } from './simulation.fixture.ts';

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
