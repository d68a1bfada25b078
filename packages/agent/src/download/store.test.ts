import type { Bundle } from '@covey/bundle';
import { type DiskFault, SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { describe, expect, it } from 'vitest';
import { type BundleStore, openBundleStore } from '../bundles/index.ts';
import { bundleOf, fileOf, noise } from './download.fixture.ts';

const folder = '/bundles';
const shared = noise('shared', 40_000);
const first = bundleOf('1.0.0', shared);
/** The same file under another version. */
const again = bundleOf('1.0.1', shared);
const second = bundleOf('2.0.0', noise('second', 50_000));

/** A disk whose power goes around its `at`-th change, `how`; null: never. */
function newDisk(seed: string, at: number | null, how: 'cut-before' | 'cut-during' | 'cut-after') {
  const disk = new SimulatedDisk(simulatedWorld(seed).random('disk'), 10_000_000);
  const state = { hasCut: false };
  disk.fault = (change): ReturnType<DiskFault> => (change === at ? how : 'none');
  disk.onCut = () => {
    state.hasCut = true;
    disk.fault = () => 'none';
    disk.powerCut();
  };
  return { disk, state, port: disk.port(async (operation) => operation()) };
}

async function install(
  port: ReturnType<SimulatedDisk['port']>,
  store: BundleStore,
  bundle: Bundle,
): Promise<void> {
  await store.keepManifest(bundle.digest, bundle.manifestBytes);
  const file = fileOf(bundle);
  if (store.has(file)) return;
  await port.remove(store.arrivingPath(file));
  for (const { sha256 } of file.chunks)
    await port.append(store.arrivingPath(file), bundle.chunks.get(sha256) ?? new Uint8Array(0), {
      sync: false,
    });
  await port.append(store.arrivingPath(file), new Uint8Array(0), { sync: true });
  await store.adopt(file);
}

/** One version after the other, then those before go. */
async function story(port: ReturnType<SimulatedDisk['port']>): Promise<void> {
  const store = await openBundleStore(port, folder);
  for (const bundle of [first, again, second])
    if (!(await store.isComplete(bundle.digest))) await install(port, store, bundle);
  await store.remove([first.digest]);
  await store.remove([again.digest]);
}

describe('the store', () => {
  it('keeps a file as long as one manifest names it, and nothing else', async () => {
    const { disk, port } = newDisk('plain', null, 'cut-before');
    await port.makeFolder(folder);
    await story(port);
    const store = await openBundleStore(port, folder);
    expect(store.present).toEqual([second.digest]);
    expect(disk.paths()).toEqual([
      `${folder}/files/${fileOf(second).sha256}`,
      `${folder}/manifests/${second.digest}`,
      `${folder}/manifests/${second.digest}.copy`,
    ]);
    expect(store.usedBytes).toBe(50_000);
  });

  it.each(['cut-before', 'cut-during', 'cut-after'] as const)(
    'survives a power cut at any change (%s): what is complete has all its bytes, and the story ends the same',
    async (how) => {
      // The first is the folder of the store itself.
      let at = 2;
      for (; ; at++) {
        const { disk, state, port } = newDisk(`${how}/${at}`, at, how);
        await port.makeFolder(folder);
        await story(port).catch((error: Error) => expect(error.message).toBe('the power is cut'));
        if (!state.hasCut) break;
        const store = await openBundleStore(port, folder);
        for (const bundle of [first, again, second]) {
          if (!store.present.includes(bundle.digest) || !(await store.isComplete(bundle.digest))) continue;
          const bytes = await port.read(store.filePath(fileOf(bundle)));
          const whole = fileOf(bundle).chunks.map(
            ({ sha256 }) => bundle.chunks.get(sha256) ?? new Uint8Array(0),
          );
          expect(Buffer.concat(whole).equals(bytes ?? new Uint8Array(0)), `cut at ${at}`).toBe(true);
        }
        await story(port);
        expect(disk.paths(), `cut at ${at}`).toHaveLength(3);
      }
      expect(at).toBeGreaterThan(20);
    },
  );

  it('reads a manifest from its copy where it is damaged, and removes nothing while both are', async () => {
    const { disk, port } = newDisk('manifest', null, 'cut-before');
    await port.makeFolder(folder);
    const store = await openBundleStore(port, folder);
    await install(port, store, first);
    await install(port, store, second);
    disk.damage(`${folder}/manifests/${first.digest}`, 50);
    expect(await (await openBundleStore(port, folder)).isComplete(first.digest)).toBe(true);
    disk.damage(`${folder}/manifests/${first.digest}.copy`, 60);
    const broken = await openBundleStore(port, folder);
    await expect(broken.manifest(first.digest)).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    await broken.remove([second.digest]);
    expect(disk.paths()).toContain(`${folder}/files/${fileOf(first).sha256}`);
    await broken.remove([first.digest]);
    expect(disk.paths()).toEqual([]);
  });
});
