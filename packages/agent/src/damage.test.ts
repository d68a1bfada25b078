import { describe, expect, it } from 'vitest';
import { initDeviceFolder } from './folder/index.ts';
import { makeBundle, type Simulation, simulate, withFirstVersion } from './simulation.fixture.ts';

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

const identityFiles = ['identity-a', 'identity-b'];

/** Serves 1.0.0, and does not know any more who it is. */
async function withoutIdentity(seed: string): Promise<Simulation> {
  const device = await withFirstVersion(seed);
  // Both copies are there once the keeper has settled them.
  await device.world.advance(60_000);
  device.machine.killProcess();
  for (const name of identityFiles) device.machine.disk.damage(`/data/covey/identity/${name}`, 100);
  return device;
}

describe('a device whose two copies of the identity are damaged', () => {
  it('serves what it served and contacts nobody, keeps its telemetry, and says once what to do', async () => {
    const device = await withoutIdentity('identity');
    const { controller, http, errors } = device;
    const before = { connections: controller.connections, requests: http.served.length };
    await device.boot();
    // What was wanted meanwhile does not come to it.
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.world.advance(2 * 3_600_000);
    expect(device.servingVersions()).toEqual(['1.0.0']);
    expect({ connections: controller.connections, requests: http.served.length }).toEqual(before);
    expect(errors).toEqual([
      { code: 'DATA_CORRUPT', message: expect.stringMatching(/covey device reset.*covey enroll --replace/) },
    ]);
    const { deviceId, link, lost, outbox } = device.status();
    expect({ deviceId, link, code: lost?.code }).toEqual({
      ...{ deviceId: null, link: 'stopped', code: 'DATA_CORRUPT' },
    });
    expect(outbox.messages).toBeGreaterThan(0);
  });

  it('is a device as any other once it was enrolled again, and then tells what it has kept', async () => {
    const device = await withoutIdentity('identity/again');
    const { controller, machine } = device;
    await device.boot();
    await device.world.advance(3_600_000);
    expect(device.status().outbox.messages).toBeGreaterThan(0);
    machine.killProcess();
    await device.enrol();
    await device.boot();
    await device.world.advance(600_000);
    const { deviceId, link, lost, outbox } = device.status();
    expect({ deviceId, link, lost, messages: outbox.messages }).toEqual({
      ...{ deviceId: 'device-1', link: 'online', lost: null, messages: 0 },
    });
    expect(controller.receipt().missing).toEqual([]);
    expect(controller.events.map(({ kind }) => kind)).toContain('identity-lost');
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.untilSettled(2);
    expect(device.servingVersions()).toEqual(['2.0.0']);
    // The file that enrolment did not write was damaged still: it was settled when the device was online.
    machine.disk.damage('/data/covey/identity/identity-b', 100);
    machine.killProcess();
    await device.boot();
    expect(device.status()).toMatchObject({ deviceId: 'device-1', lost: null });
  });

  it('ends a download that was under way as without a network', async () => {
    const device = await withFirstVersion('identity/parcel');
    await device.world.advance(60_000);
    device.http.bytesPerSecond = 1_000;
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.world.runUntil(() => device.state() === 'downloading', 60_000);
    device.machine.killProcess();
    for (const name of identityFiles) device.machine.disk.damage(`/data/covey/identity/${name}`, 100);
    device.traffic.requestsPerSecond = 0;
    // What was asked for just before arrives.
    await device.world.advance(1_000);
    const before = device.http.served.length;
    await device.boot();
    await device.untilSettled(2);
    expect(device.status().reported).toMatchObject({ state: 'reverted', reason: { code: 'UNREACHABLE' } });
    expect(device.servingVersions()).toEqual(['1.0.0']);
    expect(device.http.served).toHaveLength(before);
  });

  it('was enrolled: a folder that never was is refused', async () => {
    const device = simulate('identity/none');
    await initDeviceFolder(device.machine.boot().disk, '/data/covey');
    await expect(device.boot()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
