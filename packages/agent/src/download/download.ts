import { FileVerifier, verifyChunk } from '@covey/bundle';
import type { Ports } from '@covey/ports';
import { type BundleFile, CoveyError, type ErrorCode, limits, type Manifest } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';
import type { Identity } from '../identity/index.ts';
import { chunksOnDisk, type LocalChunks } from './reuse.ts';

type Chunk = BundleFile['chunks'][number];

/** Left free for the ledger, the outbox and the rest of the machine. */
const reserveBytes = 32 * 1024 * 1024;
/** Chunks asked for at once. */
const window = 4;
const timeoutMs = 60_000;

export interface Downloader {
  /**
   * Brings a bundle that is authorized to the disk: manifest first; then what is missing of each
   * file, chunk by chunk, each verified. What is verified on disk already, in this bundle or another, is not fetched.
   * `onProgress` is called for every chunk that came over the network. Errors: BUNDLE_CORRUPT,
   * DISK_FULL, NOT_FOUND, FORBIDDEN, UNREACHABLE, TIMEOUT.
   */
  fetchBundle(digest: string, signal: AbortSignal, onProgress: () => void): Promise<void>;
}

export function createDownloader(
  ports: Pick<Ports, 'disk' | 'fetch'>,
  store: BundleStore,
  identity: Identity,
): Downloader {
  const get = (path: string, maxBytes: number) => fetchImmutable(ports, identity, path, maxBytes);
  return {
    fetchBundle: async (digest, signal, onProgress) => {
      if (await store.isComplete(digest)) return;
      await store.begin(digest);
      const manifest = await fetchManifest(ports, store, digest, get);
      const files = await Promise.all(
        manifest.files.map(async (file) => ({
          file,
          have: await verifiedChunks(ports, store, digest, file),
        })),
      );
      await needRoom(ports, store.partialManifestPath(digest), files);
      const local = await chunksOnDisk(ports.disk, store);
      for (const { file, have } of files) {
        const path = store.partialFilePath(digest, file.path);
        await ports.disk.makeFolder(path.slice(0, path.lastIndexOf('/')));
        for (let next = have; next < file.chunks.length; next += window) {
          if (signal.aborted) throw new CoveyError('INTERNAL', 'the download was cancelled');
          const wanted = file.chunks.slice(next, next + window);
          const got = await Promise.allSettled(wanted.map((chunk) => obtain(chunk, local, get, onProgress)));
          // What came before a failure is kept: it need not come again.
          for (const outcome of got) {
            if (outcome.status === 'rejected') throw outcome.reason;
            await ports.disk.append(path, outcome.value, { sync: false });
          }
        }
        await ports.disk.append(path, new Uint8Array(0), { sync: true });
      }
      await store.finish(digest);
    },
  };
}

/**
 * Reads every file of a complete bundle and compares it with the manifest. Errors: BUNDLE_CORRUPT, and those of
 * `BundleStore.manifest`.
 */
export async function verifyBundle(
  ports: Pick<Ports, 'disk'>,
  store: BundleStore,
  digest: string,
): Promise<Manifest> {
  const manifest = await store.manifest(digest);
  for (const file of manifest.files) {
    const verifier = new FileVerifier(file);
    let offset = 0;
    for (const chunk of file.chunks) {
      verifier.add(await ports.disk.readRange(store.filePath(digest, file.path), offset, chunk.sizeBytes));
      offset += chunk.sizeBytes;
    }
    verifier.finish();
  }
  return manifest;
}

type Get = (path: string, maxBytes: number) => Promise<Uint8Array>;

async function fetchImmutable(
  { fetch }: Pick<Ports, 'fetch'>,
  { deviceUrl, caPem, certificatePem, keyPem }: Identity,
  path: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const url = new URL(path, deviceUrl).href;
  const tls = { ca: caPem, certificate: certificatePem, key: keyPem };
  const answer = await fetch({ method: 'GET', url, tls, timeoutMs, maxBytes });
  if (answer.status === 200) return answer.body;
  const codes: Record<number, ErrorCode> = { 403: 'FORBIDDEN', 404: 'NOT_FOUND' };
  throw new CoveyError(codes[answer.status] ?? 'UNREACHABLE', `${url} answers with status ${answer.status}`);
}

async function fetchManifest(
  { disk }: Pick<Ports, 'disk'>,
  store: BundleStore,
  digest: string,
  get: Get,
): Promise<Manifest> {
  const path = store.partialManifestPath(digest);
  const before = await disk.read(path);
  if (before) return store.check(digest, before);
  const bytes = await get(`/bundles/${digest}`, limits.manifestBytes);
  const manifest = store.check(digest, bytes);
  await disk.write(path, bytes);
  return manifest;
}

/** How many chunks of a partial file are whole and true; what follows them, torn by a crash, is cut off. */
async function verifiedChunks(
  { disk }: Pick<Ports, 'disk'>,
  store: BundleStore,
  digest: string,
  file: BundleFile,
): Promise<number> {
  const path = store.partialFilePath(digest, file.path);
  const folder = path.slice(0, path.lastIndexOf('/'));
  const onDisk = (await disk.list(folder)).find((entry) => path === `${folder}/${entry.name}`);
  if (!onDisk) return 0;
  let verified = 0;
  let offset = 0;
  for (const chunk of file.chunks) {
    if (!isChunk(await disk.readRange(path, offset, chunk.sizeBytes), chunk)) break;
    verified++;
    offset += chunk.sizeBytes;
  }
  if (onDisk.sizeBytes > offset) await disk.truncate(path, offset);
  return verified;
}

async function needRoom(
  { disk }: Pick<Ports, 'disk'>,
  path: string,
  files: { file: BundleFile; have: number }[],
): Promise<void> {
  const missing = files.flatMap(({ file, have }) => file.chunks.slice(have));
  const missingBytes = missing.reduce((sum, chunk) => sum + chunk.sizeBytes, 0);
  const freeBytes = await disk.freeBytes(path.slice(0, path.lastIndexOf('/')));
  if (missingBytes > 0 && freeBytes < missingBytes + reserveBytes) {
    throw new CoveyError(
      'DISK_FULL',
      `the bundle needs ${missingBytes} bytes and a reserve of ${reserveBytes}, the disk has ${freeBytes}`,
    );
  }
}

async function obtain(
  chunk: Chunk,
  local: LocalChunks,
  get: Get,
  onProgress: () => void,
): Promise<Uint8Array> {
  const found = await local.read(chunk);
  if (found && isChunk(found, chunk)) return found;
  const fetched = await get(`/chunks/${chunk.sha256}`, chunk.sizeBytes);
  verifyChunk(fetched, chunk);
  onProgress();
  return fetched;
}

function isChunk(bytes: Uint8Array, chunk: Chunk): boolean {
  try {
    verifyChunk(bytes, chunk);
    return true;
  } catch {
    // verifyChunk says no by throwing; here no is an answer.
    return false;
  }
}
