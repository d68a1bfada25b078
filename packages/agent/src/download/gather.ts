import { verifyChunk } from '@covey/bundle';
import { decodeSegment, type TransferSegment } from '@covey/bundle/transfer';
import type { Disk } from '@covey/ports';
import { type BundleFile, CoveyError } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';
import type { Passage } from '../delivery/index.ts';
import { arrivalName, isGone, transferName, transferPath } from './offers.ts';
import { isCorrupt, type OnPiece, type Piece, receive } from './receive.ts';
import type { LocalChunks } from './reuse.ts';
import { type Missing, neededSegments, type Offer, type Route } from './route.ts';
import type { Source } from './source.ts';

/** Chunks asked for at once: over 50 ms of way, four bring 3.8 times as much as one; a transfer is one stream. */
const window = 4;
/** Gathered bytes that a power cut may cost. */
const unsyncedBytes = 1024 * 1024;

export interface Gathering {
  disk: Disk;
  store: BundleStore;
  source: Source;
  passage: Passage;
  local: LocalChunks;
  /** Something came over the network and was good. */
  onProgress: () => void;
}

/**
 * Gathers the chunks of a file in order, each verified before it is written, and puts the file in its place. What was
 * gathered before stays. Errors: BUNDLE_CORRUPT (what came is not what was signed), DISK_FULL, those of `Source`.
 */
export async function gatherFile(context: Gathering, missing: Missing, route: Route): Promise<void> {
  const gatherer = new Gatherer(context, missing);
  while (!gatherer.isDone) {
    if (await gatherer.takeLocal()) continue;
    if (route.kind === 'transfer' && (await gatherer.takeTransfer(route))) continue;
    await gatherer.takeChunks();
  }
  await gatherer.finish();
}

class Gatherer {
  readonly #context: Gathering;
  readonly #missing: Missing;
  readonly #file: BundleFile;
  #next: number;
  #unsyncedBytes = 0;

  constructor(context: Gathering, missing: Missing) {
    this.#context = context;
    this.#missing = missing;
    this.#file = missing.file;
    this.#next = missing.gathered;
  }

  get isDone(): boolean {
    return this.#next >= this.#file.chunks.length;
  }

  /** The next chunk from this disk; false when it is not here. */
  async takeLocal(): Promise<boolean> {
    const chunk = this.#file.chunks[this.#next];
    const bytes = chunk && (await this.#context.local.read(chunk));
    if (!bytes) return false;
    await this.#append(bytes);
    return true;
  }

  /** The segments from the next chunk on, up to one that need not come; false when there is none for it. */
  async takeTransfer({ base, transfer, head }: Offer): Promise<boolean> {
    const { disk, store, source, passage } = this.#context;
    const run = consecutive(neededSegments({ ...this.#missing, gathered: this.#next }, transfer));
    const first = run[0];
    if (!first || first.firstChunk > this.#next) return false;
    const pieces = run.map(({ offset, sizeBytes }, at) => ({
      offset,
      sizeBytes,
      path: store.arrivalPath(this.#file, arrivalName(base, `${first.firstChunk + at}`)),
    }));
    let wasKept = false;
    const onPiece: OnPiece = async (piece, bytes, pieceWasKept) => {
      const segment = run[pieces.indexOf(piece)];
      wasKept = pieceWasKept;
      if (segment) await this.#takeSegment(segment, base, bytes);
      wasKept = false;
    };
    const about = { totalBytes: transfer.sizeBytes, head };
    try {
      await receive(disk, source, transferPath(this.#file, base), pieces, onPiece, about);
    } catch (error) {
      // Bytes that lay on the disk may have suffered there: they come once more before the transfer is blamed.
      if (isCorrupt(error) && !wasKept) await passage.noteFailed(transferName(this.#file, base));
      // Any other end may be that of a transfer which is there no more: its header is asked for anew.
      if (isGone(error)) await disk.remove(store.arrivalPath(this.#file, arrivalName(base, 'head')));
      throw error;
    }
    return true;
  }

  /** The next chunks, several at once where nothing bounds them, each in its turn. */
  async takeChunks(): Promise<void> {
    const { passage, local } = this.#context;
    const most = passage.isBounded ? 1 : window;
    const wanted = this.#file.chunks.slice(this.#next, this.#next + most);
    const upTo = wanted.findIndex((chunk, at) => at > 0 && local.has(chunk));
    let before: Promise<unknown> = Promise.resolve();
    const taken = wanted.slice(0, upTo < 0 ? most : upTo).map((chunk) => {
      const turn = before;
      const own = this.#takeChunk(chunk, turn);
      before = own;
      return own;
    });
    // The first that failed is the reason; those behind it wait on the disk.
    for (const outcome of await Promise.allSettled(taken))
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #takeChunk(chunk: BundleFile['chunks'][number], turn: Promise<unknown>): Promise<void> {
    const { disk, store, source, onProgress } = this.#context;
    const path = store.arrivalPath(this.#file, `${chunk.sha256.slice(0, 16)}.chunk`);
    const piece: Piece = { offset: 0, sizeBytes: chunk.sizeBytes, path };
    const onPiece: OnPiece = async (_piece, bytes) => {
      verifyChunk(bytes, chunk);
      await turn.catch(() => {
        throw new CoveyError('CANCELLED', 'the chunk before did not come');
      });
      await this.#append(bytes);
      onProgress();
    };
    await receive(disk, source, `/chunks/${chunk.sha256}`, [piece], onPiece, { totalBytes: chunk.sizeBytes });
  }

  async finish(): Promise<void> {
    const { disk, store } = this.#context;
    await disk.append(store.arrivingPath(this.#file), new Uint8Array(0), { sync: true });
    await store.adopt(this.#file);
  }

  async #takeSegment(
    segment: TransferSegment,
    base: BundleFile | undefined,
    bytes: Uint8Array,
  ): Promise<void> {
    const chunks = await this.#decode(segment, base, bytes);
    for (const { index, chunk } of chunks) if (index >= this.#next) await this.#append(chunk);
    this.#context.onProgress();
  }

  /** The chunks of a segment, each verified. */
  async #decode(segment: TransferSegment, base: BundleFile | undefined, bytes: Uint8Array) {
    const { disk, store } = this.#context;
    const readBase = (offset: number, sizeBytes: number) =>
      base ? disk.readRange(store.filePath(base), offset, sizeBytes) : new Uint8Array(0);
    const decoded = await decodeSegment(segment, bytes, base?.sizeBytes ?? 0, readBase);
    let offset = 0;
    return this.#file.chunks
      .slice(segment.firstChunk, segment.firstChunk + segment.chunkCount)
      .map((expected, at) => {
        const chunk = decoded.subarray(offset, offset + expected.sizeBytes);
        verifyChunk(chunk, expected);
        offset += expected.sizeBytes;
        return { index: segment.firstChunk + at, chunk };
      });
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const { disk, store } = this.#context;
    const sync = this.#unsyncedBytes + bytes.byteLength >= unsyncedBytes;
    await disk.append(store.arrivingPath(this.#file), bytes, { sync });
    this.#unsyncedBytes = sync ? 0 : this.#unsyncedBytes + bytes.byteLength;
    this.#next++;
  }
}

/** The first ones, as far as each begins in the transfer where the one before ends. */
function consecutive(segments: readonly TransferSegment[]): TransferSegment[] {
  const gap = segments.findIndex((segment, at) => {
    const before = segments[at - 1];
    return before && before.offset + before.sizeBytes !== segment.offset;
  });
  return segments.slice(0, gap < 0 ? segments.length : gap);
}
