import type { BlockIndex } from './blocks.ts';
import { candidatesOf, cheapest } from './choose.ts';
import type { TransferFile } from './encode.ts';
import type { Region } from './regions.ts';
import { type BaseRange, baseLimitBytes, type Span } from './spans.ts';

/** What a span is chosen from. */
export interface PlanInput {
  file: TransferFile;
  base: TransferFile | undefined;
  blocks: BlockIndex | undefined;
}

/** Equal bytes in a row that are worth a span of their own. */
const shortestCopy = 512;

/** The spans of a segment: each part of each region in the way that takes the fewest bytes. */
export function planSegment(input: PlanInput, regions: readonly Region[], from: number, to: number): Span[] {
  const spans = new SpanList();
  for (const region of regions) {
    const begin = Math.max(from, region.offset);
    const end = Math.min(to, region.offset + region.sizeBytes);
    if (begin >= end) continue;
    if (region.tensor && region.base) planTensor(input, region, begin, end, spans);
    else planUnknown(input, region, begin, end, spans);
  }
  return spans.all;
}

/** Spans in order; copies that go on are one, and no segment takes more of the base than it may. */
class SpanList {
  readonly all: Span[] = [];
  #taken = 0;

  add(span: Span): void {
    const last = this.all.at(-1);
    if (span.sizeBytes === 0) return;
    const wanted = 'base' in span ? span.base.sizeBytes : 0;
    this.#taken += wanted;
    if (last?.kind === 'copy' && span.kind === 'copy' && endOf(last.base) === span.base.offset) {
      last.sizeBytes += span.sizeBytes;
      last.base = { offset: last.base.offset, sizeBytes: last.sizeBytes };
      return;
    }
    if (span.kind !== 'bytes' || this.#taken <= baseLimitBytes - 1024 * 1024) {
      this.all.push(span);
      return;
    }
    this.#taken -= wanted;
    this.all.push({ ...span, base: { offset: span.base.offset, sizeBytes: 0 } });
  }
}

/** A tensor beside the one that it was: runs of equal bytes are copied. */
function planTensor(input: PlanInput, region: Region, begin: number, end: number, spans: SpanList): void {
  const { file, base } = input;
  if (!base || !region.base) return;
  const shift = region.base.offset - region.offset;
  const common = Math.min(end, region.offset + region.base.sizeBytes);
  for (const run of runsOf(file.bytes, base.bytes, begin, common, shift)) {
    const own = { offset: run.from + shift, sizeBytes: run.to - run.from };
    if (run.isEqual) spans.add({ kind: 'copy', sizeBytes: run.to - run.from, base: own });
    else for (const span of cheapest(input, candidatesOf(input, region, run, own))) spans.add(span);
  }
  if (common < end) planUnknown(input, { ...region, base: undefined }, Math.max(begin, common), end, spans);
}

/** Bytes that no name is known for: what stands in the base is copied, the rest by what lies beside. */
function planUnknown(input: PlanInput, region: Region, begin: number, end: number, spans: SpanList): void {
  const { file, base, blocks } = input;
  let at = begin;
  let window: BaseRange = windowIn(region, begin);
  if (base && isSame(file.bytes, begin, end, base.bytes, window.offset)) {
    spans.add({ kind: 'copy', sizeBytes: end - begin, base: { ...window, sizeBytes: end - begin } });
    return;
  }
  const between = (to: number) => {
    const range = { from: at, to };
    if (to > at)
      for (const span of cheapest(input, candidatesOf(input, region, range, undefined, window)))
        spans.add(span);
  };
  for (const match of blocks?.matches(file.bytes, begin, end) ?? []) {
    between(match.offset);
    spans.add({
      kind: 'copy',
      sizeBytes: match.sizeBytes,
      base: { offset: match.baseOffset, sizeBytes: match.sizeBytes },
    });
    at = match.offset + match.sizeBytes;
    const next = match.baseOffset + match.sizeBytes;
    window = { offset: next, sizeBytes: Math.min((base?.bytes.byteLength ?? 0) - next, 2 * (end - at) + 64) };
  }
  between(end);
}

/** What is left of a region's window when a segment begins within it. */
function windowIn({ offset, base }: Region, begin: number): BaseRange {
  if (!base || base.tensor) return { offset: 0, sizeBytes: 0 };
  const skipped = Math.min(begin - offset, base.sizeBytes);
  return { offset: base.offset + skipped, sizeBytes: base.sizeBytes - skipped };
}

function* runsOf(
  bytes: Uint8Array,
  base: Uint8Array,
  from: number,
  to: number,
  shift: number,
): Generator<{ from: number; to: number; isEqual: boolean }> {
  let start = from;
  for (let at = from; at < to; ) {
    let equal = at;
    while (equal < to && bytes[equal] === base[equal + shift]) equal++;
    const isLong = equal - at >= shortestCopy || (at === from && equal === to);
    if (isLong) {
      // The words around it stay whole.
      const [first, last] = [
        at === from ? at : at + ((from - at) & 7),
        equal === to ? equal : equal - ((equal - from) & 7),
      ];
      if (first > start) yield { from: start, to: first, isEqual: false };
      yield { from: first, to: last, isEqual: true };
      start = last;
    }
    at = equal;
    while (at < to && bytes[at] !== base[at + shift]) at++;
  }
  if (start < to) yield { from: start, to, isEqual: false };
}

function isSame(a: Uint8Array, from: number, to: number, b: Uint8Array, offset: number): boolean {
  if (offset + (to - from) > b.byteLength) return false;
  for (let i = from; i < to; i++) if (a[i] !== b[offset + i - from]) return false;
  return true;
}

function endOf({ offset, sizeBytes }: BaseRange): number {
  return offset + sizeBytes;
}
