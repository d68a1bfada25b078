import { isChunk } from '@covey/bundle';
import type { Ports, Timer } from '@covey/ports';
import { type BundleFile, toCoveyError } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';

/** Looks for what a medium has lost, before it is needed. */
export interface Scrub {
  start(): void;
  /** Ends a repair under way as well. */
  stop(): void;
  /** An update has begun: it comes first. */
  interrupt(): void;
}

type ScrubPorts = Pick<Ports, 'clock' | 'disk' | 'log' | 'random'>;

export interface ScrubOptions {
  /** Read in a day, spread over it. */
  bytesPerDay: number;
  /** Digests of the bundles that have to be whole; none while an update is under way. */
  watched: () => readonly string[];
  /** Makes a bundle whole again, by what lies on this disk and what has to come. */
  repair: (digest: string, signal: AbortSignal) => Promise<void>;
  onEvent: (kind: 'bundle-damaged' | 'bundle-repaired', message: string) => void;
}

const tickMs = 60_000;
const dayMs = 86_400_000;
/** A repair that failed, or that the policy holds up, is tried again after this. */
const repairAgainMs = 10 * 60_000;

/**
 * Reads the files of the bundles in turn, a little every minute, and compares each chunk with the manifest. A damaged file
 * stays where it is, and whoever has it in memory serves on; the chunks that are damaged are fetched, and the file is replaced.
 */
export function createScrub(ports: ScrubPorts, store: BundleStore, options: ScrubOptions): Scrub {
  return new TimedScrub(ports, store, options);
}

class TimedScrub implements Scrub {
  readonly #ports: ScrubPorts;
  readonly #store: BundleStore;
  readonly #options: ScrubOptions;
  #timer: Timer | null = null;
  #isStopped = true;
  #repair: AbortController | null = null;
  #repairNotBeforeMs = 0;
  /** Where it is. It begins anywhere, so that a device which is often started reads all of them as well. */
  #at: { sha256: string; chunk: number } | null = null;
  #creditBytes = 0;

  constructor(ports: ScrubPorts, store: BundleStore, options: ScrubOptions) {
    this.#ports = ports;
    this.#store = store;
    this.#options = options;
  }

  start(): void {
    this.#isStopped = false;
    this.#sleep();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.interrupt();
  }

  interrupt(): void {
    this.#repair?.abort();
  }

  #sleep(): void {
    this.#timer = this.#ports.clock.setTimer(tickMs, () => {
      this.#tick()
        .catch((error) => this.#ports.log.write('warn', `scrub: ${toCoveyError(error).message}`))
        .finally(() => {
          if (!this.#isStopped) this.#sleep();
        });
    });
  }

  async #tick(): Promise<void> {
    const watched = this.#options.watched();
    if (watched.length === 0) return;
    await this.#read(await this.#filesOf(watched));
    if (this.#ports.clock.monotonicMs() < this.#repairNotBeforeMs) return;
    for (const digest of watched) if (!(await this.#store.isComplete(digest))) await this.#mend(digest);
  }

  /** In the order of their digests, which is the same whenever one looks. */
  async #filesOf(digests: readonly string[]): Promise<BundleFile[]> {
    const files = (await this.#store.files()).filter(({ digest }) => digests.includes(digest));
    const known = new Map(files.map(({ file }) => [file.sha256, file]));
    return [...known.values()]
      .filter((file) => this.#store.has(file))
      .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  }

  async #read(files: readonly BundleFile[]): Promise<void> {
    const shareBytes = (this.#options.bytesPerDay * tickMs) / dayMs;
    this.#creditBytes = Math.min(this.#creditBytes, shareBytes) + shareBytes;
    this.#at ??= this.#anywhereIn(files);
    // Each of them once at the most: a medium is not read over and over, whatever it may be asked for.
    for (let looked = 0; looked < files.length && this.#creditBytes > 0; looked++)
      if (!(await this.#readOne(files))) return;
  }

  /** False where there is something to mend. */
  async #readOne(files: readonly BundleFile[]): Promise<boolean> {
    const at = this.#at;
    const file = files.find(({ sha256 }) => at !== null && sha256 >= at.sha256) ?? files[0];
    if (!file) return true;
    let chunk = file.sha256 === at?.sha256 ? at.chunk : 0;
    for (; this.#creditBytes > 0 && chunk < file.chunks.length; chunk++) {
      this.#creditBytes -= file.chunks[chunk]?.sizeBytes ?? 0;
      if (await this.#isWhole(file, chunk)) continue;
      this.#at = { sha256: file.sha256, chunk: chunk + 1 };
      await this.#report(file);
      return false;
    }
    this.#at =
      chunk < file.chunks.length ? { sha256: file.sha256, chunk } : { sha256: `${file.sha256}+`, chunk: 0 };
    return true;
  }

  #anywhereIn(files: readonly BundleFile[]): { sha256: string; chunk: number } | null {
    const pick = <T>(list: readonly T[]) => Math.floor(this.#ports.random.fraction() * list.length);
    const file = files[pick(files)];
    return file ? { sha256: file.sha256, chunk: pick(file.chunks) } : null;
  }

  async #isWhole(file: BundleFile, index: number): Promise<boolean> {
    const chunk = file.chunks[index];
    if (!chunk) return true;
    const offset = file.chunks.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const path = this.#store.filePath(file);
    // A medium that cannot be read has lost the bytes as surely as one that gives others.
    const bytes = await this.#ports.disk.readRange(path, offset, chunk.sizeBytes).catch(() => undefined);
    return bytes !== undefined && isChunk(bytes, chunk);
  }

  /** The whole file is looked through, so that one report and one repair are enough. */
  async #report(file: BundleFile): Promise<void> {
    this.#store.markDamaged(file);
    let damaged = 0;
    for (let index = 0; index < file.chunks.length; index++)
      if (!(await this.#isWhole(file, index))) damaged++;
    const message = `${file.path} (${file.sha256.slice(0, 12)}): ${damaged} of ${file.chunks.length} chunks are damaged on the disk`;
    this.#options.onEvent('bundle-damaged', message);
  }

  async #mend(digest: string): Promise<void> {
    const abort = new AbortController();
    this.#repair = abort;
    try {
      await this.#options.repair(digest, abort.signal);
      this.#options.onEvent('bundle-repaired', `bundle ${digest.slice(0, 12)} is whole again`);
    } catch (error) {
      this.#repairNotBeforeMs = this.#ports.clock.monotonicMs() + repairAgainMs;
      const { code, message } = toCoveyError(error);
      this.#ports.log.write('warn', `a damaged bundle is not repaired yet: ${message}`, { digest, code });
    } finally {
      this.#repair = null;
    }
  }
}
