import { parseManifest, sha256 } from '@covey/bundle';
import type { Disk } from '@covey/ports';
import { CoveyError, type Manifest } from '@covey/protocol';

const partialSuffix = '.partial';

/** The bundles on this device: `<digest>/manifest.json` and `<digest>/files/...`, and `<digest>.partial/` while one arrives. */
export interface BundleStore {
  /** Digests with anything on disk, complete or partial, as of the last change made through this store. */
  readonly present: readonly string[];
  /** Digests of the complete ones. */
  complete(): Promise<string[]>;
  isComplete(digest: string): Promise<boolean>;
  /** Of a complete bundle. Errors: NOT_FOUND, BUNDLE_CORRUPT, those of `parseManifest`. */
  manifest(digest: string): Promise<Manifest>;
  /** Checks bytes that claim to be the manifest of `digest`. Errors: BUNDLE_CORRUPT, those of `parseManifest`. */
  check(digest: string, manifestBytes: Uint8Array): Manifest;
  filePath(digest: string, path: string): string;
  partialFilePath(digest: string, path: string): string;
  partialManifestPath(digest: string): string;
  /** Makes a folder for a bundle that arrives. */
  begin(digest: string): Promise<void>;
  /** All files of a partial bundle are there and synced: from here on it is complete. */
  finish(digest: string): Promise<void>;
  remove(digest: string): Promise<void>;
}

export async function openBundleStore(disk: Disk, folder: string): Promise<BundleStore> {
  const verified = new Map<string, Manifest>();
  const partial = (digest: string) => `${folder}/${digest}${partialSuffix}`;
  const look = async () =>
    (await disk.list(folder)).filter((entry) => entry.isFolder).map((entry) => entry.name);
  const digestsOf = (names: string[]) => [...new Set(names.map((name) => name.replace(partialSuffix, '')))];
  const check = (digest: string, manifestBytes: Uint8Array) => {
    if (sha256(manifestBytes) !== digest)
      throw new CoveyError('BUNDLE_CORRUPT', `the manifest of bundle ${digest} has another digest`);
    return parseManifest(manifestBytes);
  };
  const store = {
    present: digestsOf(await look()),
    complete: async () => (await look()).filter((name) => !name.endsWith(partialSuffix)),
    isComplete: async (digest: string) => (await store.complete()).includes(digest),
    manifest: async (digest: string) => {
      const known = verified.get(digest);
      if (known) return known;
      const bytes = await disk.read(`${folder}/${digest}/manifest.json`);
      if (!bytes) throw new CoveyError('NOT_FOUND', `bundle ${digest} is not on this device`);
      const manifest = check(digest, bytes);
      verified.set(digest, manifest);
      return manifest;
    },
    check,
    filePath: (digest: string, path: string) => `${folder}/${digest}/files/${path}`,
    partialFilePath: (digest: string, path: string) => `${partial(digest)}/files/${path}`,
    partialManifestPath: (digest: string) => `${partial(digest)}/manifest.json`,
    begin: async (digest: string) => {
      await disk.makeFolder(`${partial(digest)}/files`);
      store.present = digestsOf(await look());
    },
    finish: async (digest: string) => {
      await disk.rename(partial(digest), `${folder}/${digest}`);
    },
    remove: async (digest: string) => {
      verified.delete(digest);
      await disk.remove(`${folder}/${digest}`);
      await disk.remove(partial(digest));
      store.present = digestsOf(await look());
    },
  };
  return store;
}
