import type { Disk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { BundleStore } from './store.ts';

/** Left free for the ledger, the outbox and the rest of the machine. */
const reserveBytes = 32 * 1024 * 1024;

export interface RoomNeeded {
  /** Still to be written for the bundles wanted. */
  bytes: number;
  /** Digests that have to stay. */
  keep: ReadonlySet<string>;
  /** Largest size of everything in the store; null: as much as the disk has but for a reserve. */
  quotaBytes: number | null;
}

/**
 * Makes room in the store: what nobody needs goes, the oldest versions first, and only as much as it takes. Errors:
 * DISK_FULL, with the figures.
 */
export async function makeRoom(
  disk: Disk,
  store: BundleStore,
  folder: string,
  { bytes, keep, quotaBytes }: RoomNeeded,
): Promise<void> {
  if (bytes === 0) return;
  for (;;) {
    const freeBytes = await disk.freeBytes(folder);
    const isDiskFull = freeBytes < bytes + reserveBytes;
    const isOverQuota = quotaBytes !== null && store.usedBytes + bytes > quotaBytes;
    if (!isDiskFull && !isOverQuota) return;
    const victim = await oldestUnneeded(store, keep);
    if (victim === undefined) {
      throw new CoveyError(
        'DISK_FULL',
        isOverQuota
          ? `the bundle needs ${bytes} bytes more; ${store.usedBytes} of the ${quotaBytes} that bundles may take are in use, by versions that are needed`
          : `the bundle needs ${bytes} bytes and a reserve of ${reserveBytes}, the disk has ${freeBytes}`,
      );
    }
    await store.remove([victim]);
  }
}

async function oldestUnneeded(store: BundleStore, keep: ReadonlySet<string>): Promise<string | undefined> {
  const dated = await Promise.all(
    store.present
      .filter((digest) => !keep.has(digest))
      .map(async (digest) => {
        // One that cannot be read is of no use to anybody: it goes first.
        const createdAt = await store.manifest(digest).then(
          (manifest) => Date.parse(manifest.createdAt),
          () => 0,
        );
        return { digest, createdAt };
      }),
  );
  return dated.sort((a, b) => a.createdAt - b.createdAt || (a.digest < b.digest ? -1 : 1))[0]?.digest;
}
