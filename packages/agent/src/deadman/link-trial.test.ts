import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { expect, it } from 'vitest';
import { initDeviceFolder } from '../folder/index.ts';
import { createIdentity, openIdentity } from '../identity/index.ts';
import { createLinkTrial } from './link-trial.ts';

const minute = 60_000;
const old = { mqttUrl: 'mqtts://old:8883', deviceUrl: 'https://old:8443' };
const link = { id: 'move-1', mqttUrl: 'mqtts://new:8883', deviceUrl: 'https://new:8443', caPem: 'new CA' };

async function device() {
  const world = simulatedWorld(1);
  const disk = new SimulatedDisk(world.random('disk'), 1e6);
  const port = disk.port(async (operation) => operation());
  const folder = await initDeviceFolder(port, '/data');
  const pems = { keyPem: 'key', certificatePem: 'certificate', caPem: 'old CA' };
  await createIdentity(port, folder, { deviceId: 'd', tags: {}, ...old, ...pems }, new Uint8Array(1));
  /** A start of the agent, after whatever ended it. */
  const boot = async () => {
    const store = await openIdentity(port, folder);
    if (!store) throw new Error('the device is enrolled');
    const seen = { events: [] as string[], changes: 0 };
    const trial = createLinkTrial(world, store, {
      changed: () => {
        seen.changes++;
      },
      event: (kind) => seen.events.push(kind),
    });
    await trial.start();
    return { store, trial, seen };
  };
  return { world, disk, boot };
}

it('a new way holds once the controller was heard by it, with both authorities', async () => {
  const { world, boot } = await device();
  const { store, trial, seen } = await boot();
  await trial.offer(link);
  expect(store.identity).toMatchObject({ mqttUrl: link.mqttUrl, caPem: 'old CA\nnew CA' });
  expect(seen.changes).toBe(1);
  await trial.heard();
  await world.advance(60 * minute);
  expect(seen.events).toEqual(['link-changed']);
  expect((await boot()).store.identity.deviceUrl).toBe(link.deviceUrl);
});

it('without contact the way before comes back by itself, and what failed is not tried again', async () => {
  const { world, boot } = await device();
  const { store, trial, seen } = await boot();
  await trial.offer(link);
  await world.advance(14 * minute);
  expect(store.identity.mqttUrl).toBe(link.mqttUrl);
  await world.advance(minute);
  expect(store.identity).toMatchObject({ ...old, caPem: 'old CA' });
  expect(seen).toEqual({ events: ['link-restored'], changes: 2 });
  await trial.offer(link);
  expect(store.identity).toMatchObject(old);
  await trial.offer({ ...link, id: 'move-2' });
  expect(store.identity.mqttUrl).toBe(link.mqttUrl);
});

it('also when the power goes again and again: at the third start', async () => {
  const { disk, boot } = await device();
  await (await boot()).trial.offer(link);
  for (const mqttUrl of [link.mqttUrl, link.mqttUrl, old.mqttUrl, old.mqttUrl]) {
    disk.powerCut();
    expect((await boot()).store.identity.mqttUrl).toBe(mqttUrl);
  }
});

it('what holds already is not tried', async () => {
  const { boot } = await device();
  const { store, trial, seen } = await boot();
  await trial.offer({ id: 'same', ...old });
  expect(store.link.trial).toBeNull();
  expect(seen.changes).toBe(0);
});
