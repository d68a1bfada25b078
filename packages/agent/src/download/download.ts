import type { Ports } from '@covey/ports';
import { type BundleFile, compatibleVariants, type DeviceHost, limits, type Manifest } from '@covey/protocol';
import { type BundleStore, makeRoom, type StoredFile } from '../bundles/index.ts';
import type { Passage } from '../delivery/index.ts';
import type { Identity } from '../identity/index.ts';
import { gatheredChunks, verifyFile } from './chunks.ts';
import { gatherFile } from './gather.ts';
import { offersFor, patienceFrom } from './offers.ts';
import { chunksOnDisk, type LocalChunks } from './reuse.ts';
import { addNeeded, asksForTransfers, chooseRoute, type Missing, neededFor, type Route } from './route.ts';
import { openSource, type Source } from './source.ts';

export interface Downloader {
  /**
   * Brings a bundle that is authorized to the disk: the manifest first, then each file that is not
   * here, the cheapest way: chunks that lie on this disk, a transfer from a file that does, one from nothing, or chunk by
   * chunk. Every chunk is verified before it is written; what is here is not fetched. Errors: BUNDLE_INCOMPATIBLE, BUNDLE_CORRUPT, DISK_FULL, NOT_FOUND, FORBIDDEN, UNREACHABLE, TIMEOUT; `Held` where policy or controller say so.
   */
  fetchBundle(digest: string, options: FetchOptions): Promise<void>;
}

export interface FetchOptions {
  passage: Passage;
  /** Digests that have to stay, the one that serves first: what it has is told from it. */
  needed: readonly string[];
  signal: AbortSignal;
  /** Called when something came over the network and was good. */
  onProgress: () => void;
}

export interface DownloaderOptions {
  /** Of the store. */
  folder: string;
  identity: Identity;
  /** What this device has: nothing comes of a bundle that needs more. */
  /** As it is when a bundle is to come. */
  host: () => DeviceHost;
  /** Largest size of all bundles; null: as much as the disk has. */
  quotaBytes: number | null;
}

export function createDownloader(
  ports: Pick<Ports, 'clock' | 'disk' | 'fetch'>,
  store: BundleStore,
  options: DownloaderOptions,
): Downloader {
  return {
    fetchBundle: async (digest, fetching) => {
      if (await store.isComplete(digest)) return;
      const { passage } = fetching;
      try {
        await passage.pass('download', null);
        await fetchMissing(ports, store, digest, options, fetching);
      } finally {
        await passage.end();
      }
    },
  };
}

async function fetchMissing(
  ports: Pick<Ports, 'clock' | 'disk' | 'fetch'>,
  store: BundleStore,
  digest: string,
  { folder, identity, host, quotaBytes }: DownloaderOptions,
  { passage, needed, signal, onProgress }: FetchOptions,
): Promise<void> {
  const { disk } = ports;
  const source = openSource(ports, identity, passage, signal);
  const manifest = await manifestOf(store, source, digest);
  compatibleVariants(manifest, host());
  const local = await chunksOnDisk(disk, store);
  const waitUntilMs = patienceFrom(ports.clock);
  const context = {
    disk,
    clock: ports.clock,
    store,
    source,
    passage,
    signal,
    waitUntilMs,
    local,
    onProgress,
  };
  const planned: { missing: Missing; route: Route }[] = [];
  for (const missing of await missingFiles(ports, store, manifest, local, needed)) {
    const offers = asksForTransfers(missing) ? await offersFor(context, missing) : [];
    planned.push({ missing, route: chooseRoute(missing, offers) });
  }
  await passage.pass('download', addNeeded(planned.map(({ missing, route }) => neededFor(missing, route))));
  const bytes = planned.reduce((sum, { missing }) => sum + ungatheredBytes(missing), 0);
  await makeRoom(disk, store, folder, { bytes, keep: new Set([...needed, digest]), quotaBytes });
  for (const { missing, route } of planned) await gatherFile(context, missing, route);
}

/**
 * Reads every file of a complete bundle and compares it with the manifest. Errors: BUNDLE_CORRUPT, those of
 * `BundleStore.manifest`.
 */
export async function verifyBundle(
  { disk }: Pick<Ports, 'disk'>,
  store: BundleStore,
  digest: string,
): Promise<Manifest> {
  const manifest = await store.manifest(digest);
  let damaged: unknown;
  for (const file of manifest.files) {
    // All of them are looked at, so that one repair is enough.
    await verifyFile(disk, store, file).catch((error) => {
      damaged ??= error;
    });
  }
  if (damaged) throw damaged;
  return manifest;
}

async function manifestOf(store: BundleStore, source: Source, digest: string): Promise<Manifest> {
  if (store.present.includes(digest)) return store.manifest(digest);
  return store.keepManifest(digest, await source.get(`/bundles/${digest}`, limits.manifestBytes));
}

async function missingFiles(
  { disk }: Pick<Ports, 'disk'>,
  store: BundleStore,
  manifest: Manifest,
  local: LocalChunks,
  needed: readonly string[],
): Promise<Missing[]> {
  const stored = await store.files();
  const found = new Map<string, Missing>();
  for (const file of manifest.files) {
    if (store.has(file) || found.has(file.sha256)) continue;
    const gathered = await gatheredChunks(disk, store, file);
    const base = baseFor(store, stored, manifest, file, needed);
    const isLocal = (chunk: BundleFile['chunks'][number]) => local.has(chunk);
    found.set(file.sha256, { file, gathered, isLocal, base });
  }
  return [...found.values()];
}

/** The same file of another version of the model: of the one that serves, else of the newest. */
function baseFor(
  store: BundleStore,
  stored: readonly StoredFile[],
  manifest: Manifest,
  file: BundleFile,
  needed: readonly string[],
): BundleFile | undefined {
  const rank = ({ digest }: StoredFile) => (needed.includes(digest) ? needed.indexOf(digest) : needed.length);
  const candidates = stored
    .filter((other) => other.manifest.model === manifest.model && other.file.path === file.path)
    .filter((other) => other.file.sha256 !== file.sha256 && store.has(other.file))
    .sort((a, b) => rank(a) - rank(b) || (a.manifest.createdAt < b.manifest.createdAt ? 1 : -1));
  return candidates[0]?.file;
}

function ungatheredBytes({ file, gathered }: Missing): number {
  return file.chunks.slice(gathered).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
