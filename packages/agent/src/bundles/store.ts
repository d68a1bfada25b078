import { verifyEnvelope } from '@covey/bundle';
import type { Disk } from '@covey/ports';
import { CoveyError, type Manifest, type TrustRoot } from '@covey/protocol';

const partialSuffix = '.partial';

/** The bundles on this device: `<digest>/envelope.json` and `<digest>/files/...`, and `<digest>.partial/` while one arrives. */
export interface BundleStore {
  /** Digests with anything on disk, complete or partial, as of the last change made through this store. */
  readonly present: readonly string[];
  /** Digests of the complete ones. */
  complete(): Promise<string[]>;
  isComplete(digest: string): Promise<boolean>;
  /** Of a complete bundle. Errors: NOT_FOUND; BUNDLE_SIGNATURE and the other errors of `verifyEnvelope`. */
  manifest(digest: string): Promise<Manifest>;
  /** Checks bytes that claim to be the envelope of `digest`. Errors: as `verifyEnvelope`; BUNDLE_SIGNATURE for another's. */
  check(digest: string, envelope: Uint8Array): Manifest;
  filePath(digest: string, path: string): string;
  partialFilePath(digest: string, path: string): string;
  partialEnvelopePath(digest: string): string;
  /** Makes a folder for a bundle that arrives. */
  begin(digest: string): Promise<void>;
  /** All files of a partial bundle are there and synced: from here on it is complete. */
  finish(digest: string): Promise<void>;
  remove(digest: string): Promise<void>;
}

export async function openBundleStore(
  disk: Disk,
  folder: string,
  trustRoot: TrustRoot,
): Promise<BundleStore> {
  const verified = new Map<string, Manifest>();
  const partial = (digest: string) => `${folder}/${digest}${partialSuffix}`;
  const look = async () =>
    (await disk.list(folder)).filter((entry) => entry.isFolder).map((entry) => entry.name);
  const digestsOf = (names: string[]) => [...new Set(names.map((name) => name.replace(partialSuffix, '')))];
  const check = (digest: string, envelope: Uint8Array) => {
    const signed = verifyEnvelope(envelope, trustRoot);
    if (signed.digest === digest) return signed.manifest;
    throw new CoveyError('BUNDLE_SIGNATURE', `the envelope of bundle ${digest} is that of ${signed.digest}`);
  };
  const store = {
    present: digestsOf(await look()),
    complete: async () => (await look()).filter((name) => !name.endsWith(partialSuffix)),
    isComplete: async (digest: string) => (await store.complete()).includes(digest),
    manifest: async (digest: string) => {
      const known = verified.get(digest);
      if (known) return known;
      const envelope = await disk.read(`${folder}/${digest}/envelope.json`);
      if (!envelope) throw new CoveyError('NOT_FOUND', `bundle ${digest} is not on this device`);
      const manifest = check(digest, envelope);
      verified.set(digest, manifest);
      return manifest;
    },
    check,
    filePath: (digest: string, path: string) => `${folder}/${digest}/files/${path}`,
    partialFilePath: (digest: string, path: string) => `${partial(digest)}/files/${path}`,
    partialEnvelopePath: (digest: string) => `${partial(digest)}/envelope.json`,
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
