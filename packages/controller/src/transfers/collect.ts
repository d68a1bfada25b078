import { codecVersion } from '@covey/bundle/transfer';
import { desiredOf, reportOf } from '../fleet/index.ts';
import type { Db, Storage } from '../storage/index.ts';
import { nameOf } from './wanted.ts';

/** How long a transfer is kept that no device has a use for: a preview makes them before a rollout begins. */
const unusedMs = 86_400_000;
/** Devices whose documents are in memory at a time. */
const devicesAtOnce = 500;

/**
 * Removes what no device has a use for any more (its target or its base is in no release that a device is wanted to have or
 * reports to serve, and nobody has asked for it for a day), what another version of the codec made, and blobs that a crash left
 * without their row. Not while a transfer is being made.
 */
export async function collect(storage: Storage, now: number): Promise<void> {
  const { db } = storage;
  await db.deleteFrom('transfers').where('codec', '!=', codecVersion).execute();
  const old = await db
    .selectFrom('transfers')
    .select(['target', 'base'])
    .where('used_at', '<', now - unusedMs)
    .execute();
  const released = old.length > 0 ? await releasedVersions(db) : new Set<string>();
  for (const { target, base } of old) {
    const isReleased =
      (await isOf(db, target, released)) && (base === '' || (await isOf(db, base, released)));
    if (!isReleased)
      await db.deleteFrom('transfers').where('target', '=', target).where('base', '=', base).execute();
  }
  await sweep(storage);
}

/** Removes what was asked for longest ago until the rest is within the quota. */
export async function keepToQuota(storage: Storage, quotaBytes: number): Promise<void> {
  const { db } = storage;
  const rows = await db
    .selectFrom('transfers')
    .select(['target', 'base', 'size_bytes'])
    .where('outcome', '=', 'made')
    .orderBy('used_at')
    .execute();
  let bytes = rows.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  if (bytes <= quotaBytes) return;
  for (const { target, base, size_bytes } of rows) {
    if (bytes <= quotaBytes) break;
    await db.deleteFrom('transfers').where('target', '=', target).where('base', '=', base).execute();
    bytes -= size_bytes;
  }
  await sweep(storage);
}

/** The row goes first and the blob after it, so that no crash leaves a row without its blob; what it leaves goes here. */
async function sweep({ db, transferBlobs }: Storage): Promise<void> {
  const rows = await db.selectFrom('transfers').select('sha256').where('outcome', '=', 'made').execute();
  const kept = new Set(rows.map(({ sha256 }) => sha256));
  for (const sha256 of await transferBlobs.list()) if (!kept.has(sha256)) await transferBlobs.remove(sha256);
}

async function releasedVersions(db: Db): Promise<Set<string>> {
  const released = new Set<string>();
  for (let last = ''; ; ) {
    const rows = await db
      .selectFrom('devices')
      .select(['id', 'desired', 'reported'])
      .where('id', '>', last)
      .orderBy('id')
      .limit(devicesAtOnce)
      .execute();
    for (const row of rows) {
      for (const ref of desiredOf(row)?.release.models ?? []) released.add(nameOf(ref));
      for (const ref of reportOf(row)?.reported.serving ?? []) released.add(nameOf(ref));
    }
    last = rows.at(-1)?.id ?? '';
    if (rows.length < devicesAtOnce) return released;
  }
}

async function isOf(db: Db, sha256: string, released: ReadonlySet<string>): Promise<boolean> {
  const files = await db
    .selectFrom('contents')
    .select(['model', 'version'])
    .where('sha256', '=', sha256)
    .where('path', '!=', '')
    .execute();
  return files.some((file) => released.has(nameOf(file)));
}
