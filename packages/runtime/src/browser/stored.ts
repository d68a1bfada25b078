import { CoveyError } from '@covey/protocol';

/** A path of a file that is kept, by the SHA-256 of its bytes. */
const keptPrefix = 'opfs:';
const folderName = 'covey-files';

export const pathOf = (sha256: string) => `${keptPrefix}${sha256}`;

/** The folder of files in the origin private file system. Errors: UNSUPPORTED where the browser gives none. */
export async function keptFolder(): Promise<FileSystemDirectoryHandle> {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle(folderName, { create: true });
  } catch (cause) {
    const message = `the browser keeps no files for this page: ${String(cause)}`;
    throw new CoveyError('UNSUPPORTED', message, { cause });
  }
}

/**
 * A file by its path: one that is kept, whose digest is checked, or one in the memory of the page (`blob:`). Pages and their
 * workers read alike. Errors: NOT_FOUND, BUNDLE_CORRUPT.
 */
export async function readStored(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (!path.startsWith(keptPrefix)) return new Uint8Array(await (await blobOf(path)).arrayBuffer());
  const sha256 = path.slice(keptPrefix.length);
  const bytes = new Uint8Array(await (await keptFile(sha256)).arrayBuffer());
  const actual = await sha256Of(bytes);
  if (actual === sha256) return bytes;
  throw new CoveyError('BUNDLE_CORRUPT', `of the file ${sha256} other bytes are kept, with digest ${actual}`);
}

export async function storedBytes(path: string): Promise<number> {
  const file = path.startsWith(keptPrefix)
    ? await keptFile(path.slice(keptPrefix.length))
    : await blobOf(path);
  return file.size;
}

/** In lower-case hexadecimal digits. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex();
}

async function keptFile(sha256: string): Promise<File> {
  const folder = await keptFolder();
  const absent = (cause?: unknown) =>
    new CoveyError('NOT_FOUND', `the file ${sha256} is not kept here`, { cause });
  const handle = await folder.getFileHandle(sha256).catch((cause) => {
    throw absent(cause);
  });
  const file = await handle.getFile();
  // What a page leaves that ends while it writes.
  if (file.size === 0) throw absent();
  return file;
}

async function blobOf(url: string): Promise<Blob> {
  try {
    return await (await fetch(url)).blob();
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `${url} cannot be read`, { cause });
  }
}
