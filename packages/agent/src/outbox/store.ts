import type { Disk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { OutKind } from './encode.ts';
import { decodeFrames, encodeFrame, type Frame, minFrameBytes } from './frames.ts';

/** A message on disk. */
export interface Entry {
  seq: number;
  kind: OutKind;
  sizeBytes: number;
}
interface Placed extends Entry {
  segment: Segment;
  offset: number;
}
interface Segment {
  path: string;
  sizeBytes: number;
  live: Set<number>;
}
/** Sequence numbers, both inclusive, whose messages are lost. */
export interface Gap {
  from: number;
  to: number;
}

const segmentBytes = 256 * 1024;
const suffix = '.seg';

/**
 * Messages in append-only segments named by the seq they begin with. The newest segment is never removed without a newer
 * one, so the next seq is always on disk: it is never given twice, whatever is lost of a tail.
 */
export class MessageStore {
  readonly #disk: Disk;
  readonly #folder: string;
  #segments: Segment[] = [];
  readonly #entries = new Map<number, Placed>();
  #nextSeq = 1;
  /** The newest segment may hold bytes behind `sizeBytes` that an append failed to finish. */
  #isTorn = false;
  bytes = 0;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  get count(): number {
    return this.#entries.size;
  }

  has(seq: number): boolean {
    return this.#entries.has(seq);
  }

  /** In the order of their seq. */
  entries(): MapIterator<Entry> {
    return this.#entries.values();
  }

  /**
   * Reads what is on disk. Damaged tails are lost; `repair` cuts them off and is called once the gaps they leave are
   * recorded.
   */
  async open(): Promise<{ gaps: Gap[]; repair: () => Promise<void> }> {
    const names = (await this.#disk.list(this.#folder)).map((entry) => entry.name);
    const bases = names.filter((name) => name.endsWith(suffix)).map((name) => Number.parseInt(name, 10));
    const damaged: Segment[] = [];
    const gaps: Gap[] = [];
    for (const [index, base] of bases.entries()) {
      const path = this.#pathOf(base);
      const bytes = (await this.#disk.read(path)) ?? new Uint8Array(0);
      const { frames, validBytes } = decodeFrames(bytes);
      const segment: Segment = { path, sizeBytes: validBytes, live: new Set() };
      for (const { seq, kind, offset, sizeBytes } of frames)
        this.#add({ seq, kind, sizeBytes, offset, segment });
      this.#segments.push(segment);
      this.#nextSeq = Math.max(base, (frames.at(-1)?.seq ?? 0) + 1);
      if (validBytes === bytes.byteLength) continue;
      damaged.push(segment);
      // As many messages may be lost as bytes allow, unless the next segment says where they end.
      const atMost = this.#nextSeq + Math.floor((bytes.byteLength - validBytes) / minFrameBytes);
      const to = (bases[index + 1] ?? atMost + 1) - 1;
      if (to >= this.#nextSeq) gaps.push({ from: this.#nextSeq, to });
      this.#nextSeq = Math.max(this.#nextSeq, to + 1);
    }
    const isLastDamaged = this.#segments.length > 0 && damaged.includes(this.#newest());
    if (this.#segments.length === 0 || isLastDamaged) await this.#rotate();
    const repair = async () => {
      for (const segment of damaged) await this.#disk.truncate(segment.path, segment.sizeBytes);
    };
    return { gaps, repair };
  }

  /** Appends frames and syncs. When it fails nothing was appended. Errors: DISK_FULL, INTERNAL. */
  async append(frames: Frame[]): Promise<void> {
    if (this.#newest().sizeBytes >= segmentBytes) await this.#rotate();
    const segment = this.#newest();
    if (this.#isTorn) {
      await this.#disk.truncate(segment.path, segment.sizeBytes);
      this.#isTorn = false;
    }
    const encoded = frames.map(encodeFrame);
    this.#isTorn = true;
    await this.#disk.append(segment.path, Buffer.concat(encoded), { sync: true });
    this.#isTorn = false;
    for (const [index, { seq, kind }] of frames.entries()) {
      const sizeBytes = encoded[index]?.byteLength ?? 0;
      this.#add({ seq, kind, sizeBytes, offset: segment.sizeBytes, segment });
      segment.sizeBytes += sizeBytes;
      this.#nextSeq = seq + 1;
    }
  }

  async payload(seq: number): Promise<Uint8Array> {
    const entry = this.#entries.get(seq);
    if (!entry) throw new CoveyError('INTERNAL', `message ${seq} is not in the outbox`);
    const bytes = await this.#disk.readRange(entry.segment.path, entry.offset, entry.sizeBytes);
    const frame = decodeFrames(bytes).frames[0];
    if (frame?.seq !== seq)
      throw new CoveyError('DATA_CORRUPT', `message ${seq} in ${entry.segment.path} is damaged`);
    return frame.payload;
  }

  /** Forgets messages; their bytes go with `sweep`. */
  forget(seqs: Iterable<number>): void {
    for (const seq of seqs) {
      const entry = this.#entries.get(seq);
      if (!entry) continue;
      this.#entries.delete(seq);
      entry.segment.live.delete(seq);
      this.bytes -= entry.sizeBytes;
    }
  }

  /** Removes segments of which nothing is needed; with `compact` also rewrites those of which little is. */
  async sweep(compact: boolean): Promise<void> {
    const newest = this.#newest();
    if (newest.live.size === 0 && newest.sizeBytes >= segmentBytes / 4) await this.#rotate();
    for (const segment of this.#segments.slice(0, -1)) {
      if (segment.live.size === 0) {
        await this.#disk.remove(segment.path);
        this.#segments = this.#segments.filter((other) => other !== segment);
      } else if (compact && this.#liveBytes(segment) < segment.sizeBytes / 2) {
        await this.#compact(segment);
      }
    }
  }

  /** Continues the numbering at `seq`. */
  async skipTo(seq: number): Promise<void> {
    if (seq <= this.#nextSeq) return;
    this.#nextSeq = seq;
    await this.#rotate();
  }

  #add(entry: Placed): void {
    this.#entries.set(entry.seq, entry);
    entry.segment.live.add(entry.seq);
    this.bytes += entry.sizeBytes;
  }

  #newest(): Segment {
    const newest = this.#segments.at(-1);
    if (!newest) throw new CoveyError('INTERNAL', 'the outbox is not open');
    return newest;
  }

  async #rotate(): Promise<void> {
    const path = this.#pathOf(this.#nextSeq);
    await this.#disk.write(path, new Uint8Array(0));
    const known = this.#segments.find((segment) => segment.path === path);
    if (known) known.sizeBytes = 0;
    else this.#segments.push({ path, sizeBytes: 0, live: new Set() });
    this.#isTorn = false;
  }

  #liveBytes(segment: Segment): number {
    return [...segment.live].reduce((sum, seq) => sum + (this.#entries.get(seq)?.sizeBytes ?? 0), 0);
  }

  async #compact(segment: Segment): Promise<void> {
    const live = [...segment.live].flatMap((seq) => this.#entries.get(seq) ?? []);
    const parts = [];
    for (const entry of live)
      parts.push(await this.#disk.readRange(segment.path, entry.offset, entry.sizeBytes));
    await this.#disk.write(segment.path, Buffer.concat(parts));
    segment.sizeBytes = 0;
    for (const entry of live) {
      entry.offset = segment.sizeBytes;
      segment.sizeBytes += entry.sizeBytes;
    }
  }

  #pathOf(base: number): string {
    return `${this.#folder}/${String(base).padStart(16, '0')}${suffix}`;
  }
}
