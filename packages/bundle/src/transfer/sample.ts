import { OctetModel } from './octets.ts';
import type { PlanInput } from './plan.ts';
import { BitMeter } from './range-coder.ts';
import type { Span } from './spans.ts';
import { viewOf } from './words.ts';

/** Shorter ranges cost little in any way. */
const leastBytes = 4 * 1024;
/** The sample: so many pieces, evenly spread. */
const pieces = 3;
const pieceBytes = 4 * 1024;
/** What contexts must save, as a share, to be worth ten times the work or more. */
const leastSaving = 0.02;
/** What may be lost, as a share, by taking bits for noise: by those of a byte, and by all where nothing is coded at all. */
const forNoise = 0.001;
const forRaw = 0.005;
const values = 256;
const block = 8;

/**
 * A range in the way that takes the least work, where contexts save next to nothing over that: bytes each for itself, or as
 * they are. Found from counts, and from what contexts save on a sample. Undefined: contexts pay.
 */
export function withoutContexts(
  { file, base }: PlanInput,
  offset: number,
  { sizeBytes, base: window }: Extract<Span, { kind: 'bytes' }>,
): Span | undefined {
  if (sizeBytes < leastBytes) return undefined;
  const bytes = file.bytes.subarray(offset, offset + sizeBytes);
  const before = base?.bytes.subarray(window.offset, window.offset + window.sizeBytes) ?? new Uint8Array(0);
  const { noise, bits } = bestPlain(bytes);
  if (contextCost(bytes, before) < (bits / sizeBytes) * (1 - leastSaving) || hasRepeats(bytes, before))
    return undefined;
  return { kind: 'plain', sizeBytes, noise };
}

interface Plain {
  noise: number[];
  bits: number;
}

/** Bytes each for itself, in words of the best width. */
function bestPlain(bytes: Uint8Array): Plain {
  const counts = Array.from({ length: 4 }, () => new Float64Array(values));
  for (let i = 0; i < bytes.byteLength; i++) {
    const own = counts[i & 3] as Float64Array;
    const byte = bytes[i] as number;
    own[byte] = (own[byte] as number) + 1;
  }
  const raw: Plain = { noise: [8], bits: bytes.byteLength * 8 * (1 - forRaw) };
  return [1, 2, 4]
    .map((width) => plainOf(counts, width))
    .reduce((best, plain) => (plain.bits < best.bits ? plain : best), raw);
}

function plainOf(counts: readonly Float64Array[], width: number): Plain {
  const places = Array.from({ length: width }, (_, place) => {
    const alike = counts.filter((_, k) => k % width === place);
    const own = Float64Array.from({ length: values }, (_, byte) =>
      alike.reduce((sum, of) => sum + (of[byte] as number), 0),
    );
    const costs = Array.from({ length: 9 }, (_, low) => costWithNoise(own, low));
    const low = costs.findLastIndex((cost) => cost <= Math.min(...costs) * (1 + forNoise));
    return { low, bits: costs[low] as number };
  });
  return {
    noise: places.map(({ low }) => low),
    bits: places.reduce((sum, { bits }) => sum + bits, 0),
  };
}

/** Bits for bytes that come so often, the lower ones as they are; learning how often included. */
function costWithNoise(counts: Float64Array, low: number): number {
  const upper = new Float64Array(values >> low);
  for (let byte = 0; byte < values; byte++)
    upper[byte >> low] = (upper[byte >> low] as number) + (counts[byte] as number);
  const total = upper.reduce((sum, count) => sum + count, 0);
  let bits = total * low;
  for (const count of upper)
    if (count > 0) bits += count * Math.log2(total / count) + Math.log2(1 + count) / 2;
  return bits;
}

/** Bits a byte of a sample with contexts. What a longer range begins with is learned from and not counted. */
function contextCost(bytes: Uint8Array, window: Uint8Array): number {
  const isAll = bytes.byteLength <= pieces * pieceBytes;
  const step = Math.floor((bytes.byteLength - pieceBytes) / (pieces - 1));
  const starts = isAll ? [0] : Array.from({ length: pieces }, (_, k) => k * step);
  const sizeBytes = isAll ? bytes.byteLength : pieceBytes;
  const sample = new Uint8Array(starts.length * sizeBytes);
  const model = new OctetModel(sample.byteLength);
  const meter = new BitMeter();
  const isBeside = window.byteLength === bytes.byteLength;
  for (const [k, start] of starts.entries()) {
    const at = k * sizeBytes;
    sample.set(bytes.subarray(start, start + sizeBytes), at);
    const beside = isBeside ? window.subarray(start, start + sizeBytes) : window;
    model.code(meter, sample, at, at + sizeBytes, beside);
    if (k === 0 && !isAll) meter.bits = 0;
  }
  return meter.bits / (isAll ? sizeBytes : sample.byteLength - sizeBytes);
}

/** Whether what stands here stood in the window or earlier in the range, which a sample does not show: by blocks of 8 bytes. */
function hasRepeats(bytes: Uint8Array, window: Uint8Array): boolean {
  const [here, there] = [new Int32Array(1 << 16), new Int32Array(1 << 16)];
  const [own, other] = [viewOf(bytes), viewOf(window)];
  for (let at = 0; at + block <= window.byteLength; at += block) there[slotOf(other, at)] = at + 1;
  let found = 0;
  for (let at = 0; at + block <= bytes.byteLength; at++) {
    const slot = slotOf(own, at);
    if (
      isSame(own, at, own, (here[slot] as number) - 1) ||
      isSame(own, at, other, (there[slot] as number) - 1)
    )
      found++;
    if (at % block === 0) here[slot] = at + 1;
  }
  return found * block > bytes.byteLength * leastSaving;
}

function slotOf(view: DataView, at: number): number {
  const low = Math.imul(view.getInt32(at, true), 0x2c1b3c6d);
  return Math.imul(low ^ view.getInt32(at + 4, true), 0x2f0b4c47) >>> 16;
}

function isSame(one: DataView, at: number, other: DataView, place: number): boolean {
  if (place < 0) return false;
  return one.getInt32(at) === other.getInt32(place) && one.getInt32(at + 4) === other.getInt32(place + 4);
}
