import type { Disk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { Source } from './source.ts';

/** What is used as one: a chunk, or a segment of a transfer. `path` is where its bytes are kept until they are all here. */
export interface Piece {
  /** In the resource. */
  offset: number;
  sizeBytes: number;
  path: string;
}

/** `wasKept`: some of the bytes lay on the disk, where a power cut may have damaged them. */
export type OnPiece = (piece: Piece, bytes: Uint8Array, wasKept: boolean) => Promise<void>;

/** Bytes that may be in memory alone: what a kill loses of what came. */
const unwrittenBytes = 16 * 1024;

/**
 * Brings pieces that follow one another in a resource, in one stream, each handed on when it is whole. What came of a
 * piece is on the disk: the next call goes on at the byte, also after a kill. `head` are bytes at the beginning of the
 * resource that came before, `totalBytes` its length. Errors: those of `Source.stream` and `onPiece`.
 */
export async function receive(
  disk: Disk,
  source: Source,
  resource: string,
  pieces: readonly Piece[],
  onPiece: OnPiece,
  { totalBytes, head = new Uint8Array(0) }: { totalBytes: number; head?: Uint8Array },
): Promise<void> {
  const last = pieces.at(-1);
  if (!last) return;
  const end = last.offset + last.sizeBytes;
  const receiver = new Receiver(disk, pieces, onPiece);
  await receiver.resume();
  await receiver.take(head.subarray(receiver.position));
  while (receiver.position < end) {
    const before = receiver.position;
    try {
      await source.stream(resource, { start: before, end, totalBytes }, (part) => receiver.take(part));
    } catch (error) {
      if (isCorrupt(error)) await receiver.drop();
      throw error;
    } finally {
      await receiver.keep();
    }
    if (receiver.position === before) throw new CoveyError('UNREACHABLE', `${resource} gives no more bytes`);
  }
}

class Receiver {
  readonly #disk: Disk;
  readonly #pieces: readonly Piece[];
  readonly #onPiece: OnPiece;
  #index = 0;
  /** Of the piece under way: its bytes so far, and how many of them are on the disk. */
  #bytes: Uint8Array;
  #filled = 0;
  #written = 0;
  #wasKept = false;

  constructor(disk: Disk, pieces: readonly Piece[], onPiece: OnPiece) {
    this.#disk = disk;
    this.#pieces = pieces;
    this.#onPiece = onPiece;
    this.#bytes = new Uint8Array(pieces[0]?.sizeBytes ?? 0);
  }

  /** In the resource: the next byte wanted. */
  get position(): number {
    const piece = this.#pieces[this.#index] ?? this.#pieces.at(-1);
    if (!piece) return 0;
    return piece.offset + (this.#index < this.#pieces.length ? this.#filled : piece.sizeBytes);
  }

  /** What is kept of the first piece; more than belongs to it is of something else. */
  async resume(): Promise<void> {
    const piece = this.#pieces[0];
    const kept = piece && (await this.#disk.read(piece.path));
    if (kept && kept.byteLength > piece.sizeBytes) await this.#disk.remove(piece.path);
    else if (kept) {
      this.#bytes.set(kept);
      this.#filled = this.#written = kept.byteLength;
      this.#wasKept = true;
    }
    await this.#handOn();
  }

  async take(part: Uint8Array): Promise<void> {
    let rest = part;
    while (rest.byteLength > 0 && this.#index < this.#pieces.length) {
      const taken = rest.subarray(0, this.#bytes.byteLength - this.#filled);
      this.#bytes.set(taken, this.#filled);
      this.#filled += taken.byteLength;
      rest = rest.subarray(taken.byteLength);
      await this.#handOn();
    }
    if (this.#filled - this.#written >= unwrittenBytes) await this.keep();
  }

  async keep(): Promise<void> {
    const piece = this.#pieces[this.#index];
    if (!piece || this.#filled === this.#written) return;
    await this.#disk.append(piece.path, this.#bytes.subarray(this.#written, this.#filled), { sync: false });
    this.#written = this.#filled;
  }

  /** Gives on what is whole; a segment may have no bytes at all. */
  async #handOn(): Promise<void> {
    for (let piece = this.#pieces[this.#index]; piece; piece = this.#pieces[this.#index]) {
      if (this.#filled < piece.sizeBytes) return;
      try {
        await this.#onPiece(piece, this.#bytes, this.#wasKept);
      } catch (error) {
        // Damaged bytes are wanted no more; good ones need not come again.
        if (isCorrupt(error)) await this.drop();
        throw error;
      }
      await this.drop();
      this.#index++;
      this.#bytes = new Uint8Array(this.#pieces[this.#index]?.sizeBytes ?? 0);
      this.#wasKept = false;
    }
  }

  /** Forgets what came of the piece under way. */
  async drop(): Promise<void> {
    const wasWritten = this.#written > 0;
    this.#filled = this.#written = 0;
    const path = this.#pieces[this.#index]?.path;
    if (wasWritten && path !== undefined) await this.#disk.remove(path);
  }
}

export function isCorrupt(error: unknown): boolean {
  return error instanceof CoveyError && error.code === 'BUNDLE_CORRUPT';
}
