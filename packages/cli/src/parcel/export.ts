import { existsSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeParcelHead, type Parcel, parseManifest, sha256, verifyChunk } from '@covey/bundle';
import { CoveyError, isSoftware, type ModelVersionRef } from '@covey/protocol';
import { VersionDetail } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { verifyServed } from '../publish/verified.ts';

export interface Exported {
  ref: ModelVersionRef;
  /** Of the file that was written. */
  path: string;
  sizeBytes: number;
  /** When the timestamp expires that says what is in force, ISO 8601. */
  expires: string;
}

/**
 * Writes a parcel, to a file or into a folder, with all that a device asks for that installs the version. Errors: NOT_FOUND, TRUST_UNKNOWN, BUNDLE_CORRUPT,
 * INVALID_ARGUMENT for software of the agent, those of verifyServed and of the file.
 */
export async function exportParcel(
  client: Client,
  target: { model: string; version: string },
  out: string,
  progress: (text: string) => void,
): Promise<Exported> {
  if (isSoftware(target.model))
    throw new CoveyError('INVALID_ARGUMENT', `${target.model}: software of the agent comes by a rollout`);
  const [model, name] = [target.model, target.version].map(encodeURIComponent);
  const detail = await client.call({
    method: 'GET',
    path: `/models/${model}/versions/${name}`,
    answer: VersionDetail,
  });
  const { version, number, digest } = detail;
  const ref = { model: detail.model, version, number, bundle: digest };
  const { files, expires } = await metadataFor(client, ref);
  const manifestBytes = await client.getBytes(`/bundles/${digest}`);
  files.set(`/bundles/${digest}`, manifestBytes);
  const chunks = parseManifest(manifestBytes).files.flatMap((file) => file.chunks);
  const distinct = [...new Map(chunks.map((chunk) => [chunk.sha256, chunk])).values()];
  const parcel: Parcel = {
    ref,
    files: [
      ...[...files].map(([path, bytes]) => ({
        path,
        sizeBytes: bytes.byteLength,
        sha256: sha256(bytes),
      })),
      ...distinct.map((chunk) => ({ path: `/chunks/${chunk.sha256}`, sizeBytes: chunk.sizeBytes })),
    ],
  };
  const head = encodeParcelHead(parcel);
  const path = isFolder(out) ? join(out, `${ref.model}-${ref.version}.parcel`) : out;
  await writeWhole(path, async (file) => {
    for (const bytes of [head, ...files.values()]) await file.writeFile(bytes);
    for (const [index, chunk] of distinct.entries()) {
      const bytes = await client.getBytes(`/chunks/${chunk.sha256}`);
      verifyChunk(bytes, chunk);
      await file.writeFile(bytes);
      if (index % 100 === 0) progress(`chunk ${index + 1} of ${distinct.length}`);
    }
  });
  const sizeBytes = parcel.files.reduce((sum, file) => sum + file.sizeBytes, head.byteLength);
  return { ref, path, sizeBytes, expires };
}

function isFolder(path: string): boolean {
  return /[/\\]$/.test(path) || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The metadata files that lead from any root a device may hold to whoever lists the version. */
async function metadataFor(client: Client, { model, version }: ModelVersionRef) {
  const files = new Map<string, Uint8Array>();
  const keep = async (path: string) => {
    const bytes = await client.getBytes(path);
    const name = path.replace('/trust/files/', '');
    // What it is called here; devices go from root to root.
    if (name !== 'root.json') files.set(`/trust/${name}`, bytes);
    return bytes;
  };
  const recording = { ...client, getBytes: keep };
  const { trusted, rolesListing } = await verifyServed(recording, { now: Date.now() });
  if ((await rolesListing(model, version)).length === 0)
    throw new CoveyError('TRUST_UNKNOWN', `no role lists ${model}@${version}`);
  for (let root = 1; root <= trusted.root.signed.version; root++)
    await keep(`/trust/files/${root}.root.json`);
  return { files, expires: trusted.timestamp.signed.expires };
}

/** Whoever finds a file of that name finds all of it. */
async function writeWhole(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`;
  // Not made here: where a stick is not mounted, the parcel would lie on this machine and seem to be on the stick.
  if (!existsSync(dirname(path)))
    throw new CoveyError('NOT_FOUND', `there is no folder ${dirname(path)} to write to`);
  try {
    const file = await open(temporary, 'w');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
