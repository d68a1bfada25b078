import { type Bundle, encodeParcelHead, sha256 } from '@covey/bundle';
import { encodeDocument, signDocument } from '@covey/bundle/tuf';
import type { ModelVersionRef } from '@covey/protocol';
import { newSigner } from '../repository.fixture.ts';
import { makeBundle, type Simulation, simulate } from '../simulation.fixture.ts';

export const dayMs = 86_400_000;
export const two = makeBundle('2.0.0');
const refOf = ({ digest, manifest }: Bundle): ModelVersionRef => ({
  ...{ model: manifest.model, version: manifest.version, number: 2, bundle: digest },
});

/** What `covey bundle export` writes. */
export function parcelOf(
  { manifestBytes, chunks, ...bundle }: Bundle,
  metadata: ReadonlyMap<string, Uint8Array>,
): Buffer {
  const files = [
    ...[...metadata].map(([name, bytes]) => ({ path: `/trust/${name}`, bytes })),
    { path: `/bundles/${bundle.digest}`, bytes: manifestBytes },
    ...[...chunks].map(([digest, bytes]) => ({ path: `/chunks/${digest}`, bytes })),
  ];
  const ref = refOf({ manifestBytes, chunks, ...bundle });
  const index = files.map(({ path, bytes }) => ({
    path,
    sizeBytes: bytes.byteLength,
    sha256: sha256(bytes),
  }));
  return Buffer.concat([encodeParcelHead({ ref, files: index }), ...files.map(({ bytes }) => bytes)]);
}

export async function put(device: Simulation, bytes: Uint8Array, name = 'it'): Promise<void> {
  const disk = device.machine.disk.port(async (operation) => operation());
  await disk.makeFolder('/data/covey/inbox');
  await disk.write(`/data/covey/inbox/${name}.parcel`, bytes);
}

export const inboxOf = ({ machine }: Simulation) =>
  machine.disk.paths().filter((path) => path.includes('/inbox/'));

/** Serves 1.0.0, and from here on reaches nobody. */
export async function alone(seed: string): Promise<Simulation> {
  const device = simulate(seed);
  await device.enrol();
  device.want(1, [await device.publish(makeBundle('1.0.0'), 1)]);
  await device.boot();
  await device.untilSettled(1);
  // By then both copies of the identity are written.
  await device.world.advance(60_000);
  device.broker.isUp = false;
  device.http.isUp = false;
  return device;
}

/** Alone, with a parcel that nothing was done with yet. */
export async function withParcel(): Promise<Simulation> {
  const device = await alone('parcel/cut');
  await device.repository.list(two);
  await put(device, parcelOf(two, device.repository.files));
  return device;
}

/** Runs until the parcel has come to its end. */
export async function ended(device: Simulation): Promise<void> {
  await device.world.runUntil(() => inboxOf(device).length === 0, 3 * dayMs);
}

/** With one of its files signed by a key that nobody knows. */
export async function strangers(device: Simulation): Promise<Uint8Array> {
  await device.repository.list(two);
  const { files } = device.repository;
  const name = [...files.keys()].findLast((file) => /^\d+\.vibration\.json$/.test(file)) ?? '';
  const { signed } = JSON.parse(Buffer.from(files.get(name) ?? []).toString());
  const stranger = await signDocument({ signed, signatures: [] }, [newSigner()]);
  return parcelOf(two, new Map(files).set(name, encodeDocument(stranger)));
}
