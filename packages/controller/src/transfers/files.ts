import { assembleFile } from '@covey/bundle';
import type { BundleFile, Manifest } from '@covey/protocol';
import type { Blobs, Db } from '../storage/index.ts';

/** A file of any published version, by its digest. */
export async function findFile(db: Db, sha256: string): Promise<BundleFile | undefined> {
  const row = await db
    .selectFrom('contents')
    .innerJoin('versions', (join) =>
      join.onRef('versions.model', '=', 'contents.model').onRef('versions.version', '=', 'contents.version'),
    )
    .select('manifest')
    .where('sha256', '=', sha256)
    .where('path', '!=', '')
    .limit(1)
    .executeTakeFirst();
  return row && (JSON.parse(row.manifest) as Manifest).files.find((file) => file.sha256 === sha256);
}

/** The verified bytes of a file, in memory that a thread can be given. Errors: BUNDLE_INCOMPLETE, BUNDLE_CORRUPT. */
export async function readFile(file: BundleFile, blobs: Blobs): Promise<Uint8Array> {
  const bytes = new Uint8Array(new SharedArrayBuffer(file.sizeBytes));
  let at = 0;
  for await (const part of assembleFile(file, (sha256) => blobs.get(sha256))) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/** What has to be fetched of a file chunk by chunk by who has the base: its other chunks. */
export function missingBytes(file: BundleFile, base: BundleFile | undefined): number {
  const known = new Set(base?.chunks.map(({ sha256 }) => sha256));
  return file.chunks.reduce((sum, chunk) => sum + (known.has(chunk.sha256) ? 0 : chunk.sizeBytes), 0);
}
