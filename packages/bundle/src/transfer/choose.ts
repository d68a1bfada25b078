import { floatShapeOf } from './floats.ts';
import type { PlanInput } from './plan.ts';
import { BitMeter } from './range-coder.ts';
import type { Region } from './regions.ts';
import { withoutContexts } from './sample.ts';
import { SegmentModels } from './segment.ts';
import {
  type BaseRange,
  type LevelShape,
  mostNoiseBits,
  type Span,
  type WordType,
  wordBytes,
  wordTypes,
} from './spans.ts';
import { noiseOfSteps } from './steps.ts';
import { wordLayouts } from './words.ts';

/** How much of a range is coded to see what a way of coding it takes. */
const trialBytes = 8 * 1024;
const none: BaseRange = { offset: 0, sizeBytes: 0 };

/** A way to code a range of the target: its offset there, and spans that cover it. */
export interface Candidate {
  offset: number;
  spans: Span[];
}

/**
 * The ways to code a range of a region: `own` are the bytes that stood there before, equally many, `window` what may
 * hold something like it.
 */
export function candidatesOf(
  input: PlanInput,
  { tensor, offset: regionOffset, base }: Region,
  { from, to }: { from: number; to: number },
  own: BaseRange | undefined,
  window: BaseRange = none,
): Candidate[] {
  const sizeBytes = to - from;
  const candidates: Candidate[] = [
    { offset: from, spans: [{ kind: 'bytes', sizeBytes, base: own ?? window }] },
  ];
  if (!tensor) return candidates;
  const row = Math.max(
    1,
    tensor.shape.slice(1).reduce((product, n) => product * n, 1),
  );
  const isLevel = tensor.type === 'int8' || tensor.type === 'uint8';
  if (isLevel && own && base?.tensor) {
    const flips = (base.tensor.type === 'uint8' ? 1 : 0) + (tensor.type === 'uint8' ? 2 : 0);
    const fit = fitOf(input, from, own, flips);
    const column = tensor.shape.at(-1) ?? 1;
    for (const [stride, byColumn] of [
      [row, false],
      [Math.max(1, column), true],
    ] as const) {
      const shape = { stride, byColumn, phase: (from - regionOffset) % stride, flips, ...fit };
      candidates.push({ offset: from, spans: [{ kind: 'levels', sizeBytes, base: own, ...shape }] });
    }
  }
  const type = wordTypes.find((known) => known === tensor.type);
  if (type === undefined) return candidates;
  const whole = { type, from, to, into: (from - regionOffset) % wordBytes(type) };
  if (own) candidates.push(inWords(input, whole, row, own));
  if (type !== 'int32') candidates.push(inWords(input, whole, row, undefined));
  return candidates;
}

/** A span of whole words, from `own` or from nothing, and bytes for what is left of words at either end. */
function inWords(
  { file, base }: PlanInput,
  { type, from, to, into }: { type: WordType; from: number; to: number; into: number },
  stride: number,
  own: BaseRange | undefined,
): Candidate {
  const bytes = wordBytes(type);
  const skipped = Math.min(to - from, (bytes - into) % bytes);
  const left = (to - from - skipped) % bytes;
  const sizeBytes = to - from - skipped - left;
  const target = file.bytes.subarray(from + skipped, from + skipped + sizeBytes);
  const layout = wordLayouts[type];
  let words: Span;
  if (own && base) {
    const range = { offset: own.offset + skipped, sizeBytes };
    const before = base.bytes.subarray(range.offset, range.offset + sizeBytes);
    const noiseBits = noiseOfSteps(target, before, layout, mostNoiseBits(type));
    words = { kind: 'steps', sizeBytes, type, stride, noiseBits, base: range };
  } else {
    words = { kind: 'words', sizeBytes, type, stride, ...floatShapeOf(target, layout, mostNoiseBits(type)) };
  }
  const spans: Span[] = [
    { kind: 'bytes', sizeBytes: skipped, base: none },
    words,
    { kind: 'bytes', sizeBytes: left, base: none },
  ];
  return { offset: from, spans: spans.filter((part) => part.sizeBytes > 0) };
}

/** The spans that take the fewest bits, by trying each on the beginning; where contexts do not pay, without. */
export function cheapest(input: PlanInput, candidates: readonly Candidate[]): Span[] {
  const [first, ...others] = candidates;
  if (!first) return [];
  let best = first;
  if (others.length > 0) {
    let bits = costOf(input, first);
    for (const candidate of others) {
      const cost = costOf(input, candidate);
      if (cost < bits) [best, bits] = [candidate, cost];
    }
  }
  return best.spans.map((span) =>
    span.kind === 'bytes' && best.spans.length === 1
      ? (withoutContexts(input, best.offset, span) ?? span)
      : span,
  );
}

function costOf({ file, base }: PlanInput, { offset, spans }: Candidate): number {
  const meter = new BitMeter();
  const models = new SegmentModels();
  let [at, coded] = [offset, 0];
  for (const span of spans) {
    const sizeBytes = Math.min(span.sizeBytes, trialBytes);
    const range = 'base' in span ? span.base : none;
    const kept = span.kind === 'bytes' ? range.sizeBytes : Math.min(range.sizeBytes, sizeBytes);
    const own = base?.bytes.subarray(range.offset, range.offset + kept) ?? new Uint8Array(0);
    const tried = { ...span, sizeBytes };
    models.code(meter, tried, file.bytes.subarray(at, at + sizeBytes), 0, own);
    coded += sizeBytes;
    at += span.sizeBytes;
  }
  // What describes the spans, about.
  return meter.bits / Math.max(1, coded) + (spans.length * 24) / Math.max(1, at - offset);
}

/** Least squares of all: how the target's levels follow from the base's. */
function fitOf(
  { file, base }: PlanInput,
  from: number,
  own: BaseRange,
  flips: number,
): Pick<LevelShape, 'slope' | 'shift'> {
  let [n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < own.sizeBytes; i++) {
    const x = signed(base?.bytes[own.offset + i] ?? 0, flips & 1);
    const y = signed(file.bytes[from + i] ?? 0, flips & 2);
    n++;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  const spread = n * sxx - sx * sx;
  const slope = spread > 0 ? (n * sxy - sx * sy) / spread : 1;
  const shift = Math.round((sy - slope * sx) / Math.max(1, n));
  // Noise about zero is no shift.
  const isShifted = Math.abs(shift) > 1;
  const kept = isShifted ? slope : sxx > 0 ? sxy / sxx : 1;
  return {
    slope: Math.round(Math.max(-255, Math.min(255, kept)) * 256),
    shift: isShifted ? Math.max(-255, Math.min(255, shift)) : 0,
  };
}

function signed(byte: number, isFlipped: number): number {
  return ((byte ^ (isFlipped ? 128 : 0)) << 24) >> 24;
}
