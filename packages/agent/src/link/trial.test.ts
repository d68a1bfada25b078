import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { CoveyError } from '@covey/protocol';
import { expect, it } from 'vitest';
import { initDeviceFolder } from '../folder/index.ts';
import { createIdentity, openIdentity } from '../identity/index.ts';
import { createLinkTrial } from './trial.ts';

const minute = 60_000;
const old = { mqttUrl: 'mqtts://old:8883', deviceUrl: 'https://old:8443' };
const link = {
  id: 'move-1',
  mqttUrl: 'mqtts://new:8883',
  deviceUrl: 'https://new:8443',
  caPem: 'new CA',
  withinMs: 15 * minute,
};

async function device() {
  const world = simulatedWorld(1);
  const disk = new SimulatedDisk(world.random('disk'), 1e6);
  const slow = { forMs: 0 };
  const port = disk.port(async (operation) => {
    const { forMs } = slow;
    if (forMs > 0) await new Promise<void>((resolve) => world.clock.setTimer(forMs, resolve));
    return operation();
  });
  const folder = await initDeviceFolder(port, '/data');
  const pems = { keyPem: 'key', certificatePem: 'certificate', caPem: 'old CA' };
  await createIdentity(port, folder, { deviceId: 'd', tags: {}, ...old, ...pems }, new Uint8Array(1));
  /** A start of the agent, after whatever ended it. */
  const boot = async () => {
    const store = await openIdentity(port, folder);
    if (!store) throw new Error('the device is enrolled');
    const seen = { events: [] as string[], moves: 0, isFree: true, asked: [] as string[], isAnswering: true };
    const trial = createLinkTrial(world, store, {
      mayTry: () => seen.isFree,
      ask: async () => {
        seen.asked.push(store.identity.deviceUrl);
        if (!seen.isAnswering) throw new CoveyError('UNREACHABLE', 'connect ECONNREFUSED');
      },
      moved: () => {
        seen.moves++;
      },
      event: (kind) => seen.events.push(kind),
      changed: () => {},
    });
    await trial.start();
    return { store, trial, seen };
  };
  return { world, disk, slow, boot };
}

it('a new way holds once the controller was heard and has answered by it, with both authorities', async () => {
  const { world, boot } = await device();
  const { store, trial, seen } = await boot();
  await trial.want(link);
  expect(store.identity).toMatchObject({ mqttUrl: link.mqttUrl, caPem: 'old CA\nnew CA' });
  expect(seen.moves).toBe(1);
  expect(trial.reported).toEqual({ id: 'move-1', state: 'pending' });
  trial.heard(link.mqttUrl);
  await world.advance(60 * minute);
  expect(seen).toMatchObject({ events: ['link-kept'], asked: [link.deviceUrl] });
  expect(trial.reported).toEqual({ id: 'move-1', state: 'kept' });
  expect((await boot()).store.identity.deviceUrl).toBe(link.deviceUrl);
});

it('is kept once, whatever else writes the identity meanwhile, and not taken back by time that is over then', async () => {
  const { world, slow, boot } = await device();
  const { store, trial, seen } = await boot();
  await trial.want(link);
  await world.advance(15 * minute - 1);
  // As the keeper does with each session.
  slow.forMs = 20;
  void store.settle();
  slow.forMs = 10;
  trial.heard(link.mqttUrl);
  await world.advance(minute);
  trial.heard(link.mqttUrl);
  await world.advance(minute);
  expect(seen.events).toEqual(['link-kept']);
  expect(trial.reported).toEqual({ id: 'move-1', state: 'kept' });
  slow.forMs = 0;
  expect((await boot()).trial.reported).toEqual({ id: 'move-1', state: 'kept' });
});

it('without contact the way before comes back by itself, and what failed is not tried again', async () => {
  const { world, boot } = await device();
  const { store, trial, seen } = await boot();
  await trial.want(link);
  trial.failed('connection refused');
  await world.advance(14 * minute);
  expect(store.identity.mqttUrl).toBe(link.mqttUrl);
  await world.advance(minute);
  expect(store.identity).toMatchObject({ ...old, caPem: 'old CA' });
  expect(seen).toMatchObject({ events: ['link-taken-back'], moves: 2 });
  const reason = 'no contact by mqtts://new:8883 within 900 s: connection refused';
  expect(trial.reported).toEqual({ id: 'move-1', state: 'takenBack', reason });
  await trial.want(link);
  expect(store.identity).toMatchObject(old);
  await trial.want({ ...link, id: 'move-2' });
  expect(store.identity.mqttUrl).toBe(link.mqttUrl);
});

it('a session is not enough: without an answer at the device address it is taken back, which is the reason', async () => {
  const { world, boot } = await device();
  const { store, trial, seen } = await boot();
  seen.isAnswering = false;
  await trial.want(link);
  trial.heard(link.mqttUrl);
  await world.advance(14 * minute);
  trial.heard(link.mqttUrl);
  expect(trial.reported?.state).toBe('pending');
  await world.advance(minute);
  expect(store.identity).toMatchObject(old);
  const reason = 'no answer of the controller at https://new:8443 within 900 s: connect ECONNREFUSED';
  expect(trial.reported).toEqual({ id: 'move-1', state: 'takenBack', reason });
  const { length } = seen.asked;
  await world.advance(60 * minute);
  expect(seen.asked).toHaveLength(length);
});

it('an answer that comes later than the session is enough', async () => {
  const { world, boot } = await device();
  const { trial, seen } = await boot();
  seen.isAnswering = false;
  await trial.want(link);
  trial.heard(link.mqttUrl);
  await world.advance(minute);
  seen.isAnswering = true;
  await world.advance(minute);
  expect(trial.reported).toEqual({ id: 'move-1', state: 'kept' });
});

it('what is kept by a session over WebSocket says so', async () => {
  const { world, boot } = await device();
  const { trial, seen } = await boot();
  await trial.want(link);
  trial.failed('connection refused');
  trial.heard('wss://new:8443/mqtt');
  await world.advance(minute);
  const reason =
    'the session is over WebSocket at https://new:8443, not by mqtts://new:8883: connection refused';
  expect(trial.reported).toEqual({ id: 'move-1', state: 'kept', reason });
  expect(seen.events).toEqual(['link-kept']);
});

it('without a session nobody is asked, and an answer for a change taken back keeps no later one', async () => {
  const { world, boot } = await device();
  const { trial, seen } = await boot();
  seen.isAnswering = false;
  await trial.want(link);
  await world.advance(minute);
  expect(seen.asked).toEqual([]);
  trial.heard(link.mqttUrl);
  await world.advance(14 * minute);
  seen.isAnswering = true;
  await trial.want({ ...link, id: 'move-2' });
  await world.advance(minute);
  expect(trial.reported).toEqual({ id: 'move-2', state: 'pending' });
});

it('also when the power goes again and again: at the third start', async () => {
  const { disk, boot } = await device();
  await (await boot()).trial.want(link);
  for (const mqttUrl of [link.mqttUrl, link.mqttUrl, old.mqttUrl, old.mqttUrl]) {
    disk.powerCut();
    expect((await boot()).store.identity.mqttUrl).toBe(mqttUrl);
  }
});

it('what holds already is kept at once', async () => {
  const { boot } = await device();
  const { store, trial, seen } = await boot();
  await trial.want({ id: 'same', ...old, withinMs: minute });
  expect(trial.reported).toEqual({ id: 'same', state: 'kept' });
  expect(store.identity).toMatchObject(old);
  expect(seen.moves).toBe(0);
});

it('an added authority stays when the controller gives its own anew, and goes with the change that brought it', async () => {
  const { world, boot } = await device();
  const { store, trial } = await boot();
  await trial.want(link);
  await store.save({ caPem: 'renewed CA' });
  expect(store.identity.caPem).toBe('renewed CA\nnew CA');
  await world.advance(15 * minute);
  expect(store.identity.caPem).toBe('renewed CA');
});

it('waits while another change is pending that can cost the contact, unless it is wanted no more', async () => {
  const { boot } = await device();
  const { store, trial, seen } = await boot();
  seen.isFree = false;
  await trial.want(link);
  await trial.want(undefined);
  seen.isFree = true;
  await trial.retry();
  expect(store.identity).toMatchObject(old);
  seen.isFree = false;
  await trial.want(link);
  expect(store.identity).toMatchObject(old);
  seen.isFree = true;
  await trial.retry();
  expect(trial.reported).toEqual({ id: 'move-1', state: 'pending' });
});

it('a disk that is full when the time is over only puts the way back off', async () => {
  const { world, disk, boot } = await device();
  const { store, trial } = await boot();
  await trial.want(link);
  disk.capacityBytes = 0;
  await world.advance(15 * minute);
  expect(store.identity.mqttUrl).toBe(link.mqttUrl);
  disk.capacityBytes = 1e6;
  await world.advance(15 * minute);
  expect(store.identity.mqttUrl).toBe(old.mqttUrl);
});
