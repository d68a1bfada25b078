import type { Fetch, Log } from '@covey/ports/browser';
import { CoveyError, limits, toCoveyError } from '@covey/protocol';
import { keptFolder, pathOf, readStored, sha256Of } from './stored.ts';

/** A file of a server's. */
export interface WebFile {
  url: string | URL;
  /** Of its bytes, as `sha256sum` prints it. With it the file is kept in the browser, and checked whenever it is read. */
  sha256?: string;
}

/** A file that threads can read by its path. */
export interface StoredFile {
  path: string;
  sha256: string;
}

/** Files of models, kept in the origin private file system by their digest. */
export interface Store {
  /**
   * What is kept is read and checked; what is not, or is damaged, is fetched. A file that cannot be kept, for which the log
   * has the reason, is held in memory. Errors: UNREACHABLE, TIMEOUT, NOT_FOUND, PAYLOAD_TOO_LARGE, BUNDLE_CORRUPT.
   */
  get(file: WebFile): Promise<StoredFile>;
  /** These are open now, and no others: what is in memory beside them is given back, what is kept makes way where room is short. */
  keep(paths: ReadonlySet<string>): void;
}

export interface StoreOptions {
  log: Log;
  fetch: Fetch;
}

/** For the whole file. */
const fetchTimeoutMs = 15 * 60_000;

export function createStore(options: StoreOptions): Store {
  return new KeptFiles(options);
}

class KeptFiles implements Store {
  readonly #options: StoreOptions;
  /** Held in memory, by digest. */
  readonly #held = new Map<string, string>();
  #open: ReadonlySet<string> = new Set();
  /** Got since, and perhaps to be opened. */
  readonly #wanted = new Set<string>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  async get(file: WebFile): Promise<StoredFile> {
    if (file.sha256 !== undefined) this.#wanted.add(pathOf(file.sha256));
    return this.#get(file);
  }

  async #get({ url, sha256 }: WebFile): Promise<StoredFile> {
    if (sha256 !== undefined && (await this.#isKept(sha256))) return { path: pathOf(sha256), sha256 };
    const address = String(url);
    const bytes = await this.#fetch(address);
    const digest = await sha256Of(bytes);
    if (sha256 !== undefined && digest !== sha256) {
      throw new CoveyError('BUNDLE_CORRUPT', `${address} has the digest ${digest}, not ${sha256}`);
    }
    const isKept = sha256 !== undefined && (await this.#write(digest, bytes));
    return { path: isKept ? pathOf(digest) : this.#hold(digest, bytes), sha256: digest };
  }

  keep(paths: ReadonlySet<string>): void {
    this.#open = paths;
    this.#wanted.clear();
    for (const [digest, path] of this.#held) {
      if (paths.has(path)) continue;
      URL.revokeObjectURL(path);
      this.#held.delete(digest);
    }
  }

  async #isKept(sha256: string): Promise<boolean> {
    try {
      await readStored(pathOf(sha256));
      return true;
    } catch (error) {
      const { code, message } = toCoveyError(error, 'BUNDLE_CORRUPT');
      if (code === 'UNSUPPORTED' || code === 'NOT_FOUND') return false;
      this.#options.log.write('warn', `${message}; it is fetched again`, { code });
      await (await keptFolder()).removeEntry(sha256);
      return false;
    }
  }

  async #fetch(url: string): Promise<Uint8Array<ArrayBuffer>> {
    const address = new URL(url, location.href).href;
    const { status, body } = await this.#options.fetch({
      method: 'GET',
      url: address,
      timeoutMs: fetchTimeoutMs,
      maxBytes: limits.fileBytes,
    });
    if (status === 200) return body as Uint8Array<ArrayBuffer>;
    throw new CoveyError(status === 404 ? 'NOT_FOUND' : 'UNREACHABLE', `${address} answers ${status}`);
  }

  /** Whether it is kept now. What stands in the way is for the log: the model is served from memory. */
  async #write(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const { log } = this.#options;
    try {
      const folder = await keptFolder();
      for (;;) {
        try {
          await writeFile(folder, sha256, bytes);
          return true;
        } catch (error) {
          if (!isQuota(error)) throw error;
          const removed = await this.#removeOldest(folder);
          if (removed === undefined) throw error;
          log.write('warn', `the file ${removed} is no longer kept: its room is needed`, {
            code: 'DISK_FULL',
          });
        }
      }
    } catch (error) {
      const { code, message } = isQuota(error)
        ? new CoveyError('DISK_FULL', 'the browser gives this page no more room')
        : toCoveyError(error, 'UNSUPPORTED');
      log.write('warn', `the file ${sha256} is not kept: ${message}`, { code });
      return false;
    }
  }

  /** Of what no open model needs. */
  async #removeOldest(folder: FileSystemDirectoryHandle): Promise<string | undefined> {
    let oldest: File | undefined;
    for await (const handle of folder.values()) {
      const path = pathOf(handle.name);
      if (handle.kind !== 'file' || this.#open.has(path) || this.#wanted.has(path)) continue;
      const file = await (handle as FileSystemFileHandle).getFile();
      if (!oldest || file.lastModified < oldest.lastModified) oldest = file;
    }
    if (oldest) await folder.removeEntry(oldest.name);
    return oldest?.name;
  }

  #hold(digest: string, bytes: Uint8Array<ArrayBuffer>): string {
    const path = this.#held.get(digest) ?? URL.createObjectURL(new Blob([bytes]));
    this.#held.set(digest, path);
    return path;
  }
}

/** A file is written aside and takes its place whole: until then it is empty, which counts as absent. */
async function writeFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
  try {
    await writable.write(bytes);
    await writable.close();
  } catch (error) {
    // The browser may have given it up itself.
    await writable.abort().catch(() => {});
    throw error;
  }
}

function isQuota(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}
