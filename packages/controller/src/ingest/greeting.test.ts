import { afterEach, beforeEach, expect, test } from 'vitest';
import { forgetBoots } from './index.ts';
import { birth, device, event, type IngestBench, json, openIngestBench } from './ingest.fixture.ts';

let bench: IngestBench;
beforeEach(async () => {
  bench = await openIngestBench();
  await bench.ingest.receive(device, 'birth', birth('boot-1', 1));
  await bench.ingest.receive(device, 'event', await event(1));
  expect(await bench.sequences()).toMatchObject({ rebirth: 0 });
});
afterEach(() => bench.remove());

/** The device has connected again, its birth was lost, and it goes on sending. */
const isAskedForItsBirth = async () => {
  await bench.ingest.receive(device, 'event', await event(2));
  expect(await bench.sequences()).toMatchObject({ rebirth: 1, up_to: 2 });
  await bench.ingest.receive(device, 'birth', birth('boot-1', 3));
  expect(await bench.sequences()).toMatchObject({ rebirth: 0, boot_id: 'boot-1', up_to: 2 });
};

test('a device that is heard after its death, of the same boot and without a birth, is asked for one', async () => {
  await bench.ingest.receive(device, 'death', json({ bootId: 'boot-1' }));
  await isAskedForItsBirth();
});

test('so is one that is heard after the controller forgot who was connected', async () => {
  await forgetBoots(bench.storage.db);
  await isAskedForItsBirth();
});

test('a birth is answered with the desired state: what asks for it may be lost', () => {
  expect(bench.wantDesired).toHaveBeenCalledExactlyOnceWith(device);
});
