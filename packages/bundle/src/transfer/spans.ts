import { corrupt } from './format.ts';
import type { NumberModel } from './numbers.ts';
import type { BitCoder } from './range-coder.ts';

/** How the elements of a word span are read. */
export const wordTypes = ['float32', 'float16', 'bfloat16', 'int32'] as const;
export type WordType = (typeof wordTypes)[number];

/** A range of the base file. */
export interface BaseRange {
  offset: number;
  sizeBytes: number;
}

/**
 * A part of a segment, and how it is coded:
 * `copy`: the bytes of the base. `bytes`: anything, with a window of the base to match.
 * `steps`: numbers of 16 or 32 bits by their distance from those of the base. `words`: floats from nothing.
 * `levels`: 8-bit integers, predicted from those of the base by the ratio of the scales, which is learned per channel.
 * `plain`: bytes each for itself, or as they are.
 */
export type Span = { sizeBytes: number } & (
  | { kind: 'copy'; base: BaseRange }
  | { kind: 'bytes'; base: BaseRange }
  | ({ kind: 'steps'; base: BaseRange } & WordShape)
  | ({ kind: 'words' } & FloatShape)
  | ({ kind: 'levels'; base: BaseRange } & LevelShape)
  | ({ kind: 'plain' } & PlainShape)
);

export interface PlainShape {
  /** For each byte of a word, its lower bits that are noise, and are sent as they are. */
  noise: readonly number[];
}

export interface WordShape {
  type: WordType;
  /** Elements from one to the next in the row above. */
  stride: number;
  /** Lower bits that are noise, and are sent as they are. */
  noiseBits: number;
}

export interface FloatShape extends WordShape {
  /** The exponent that few of these floats exceed. */
  top: number;
}

export interface LevelShape {
  stride: number;
  /** Of the first element, in its row. */
  phase: number;
  /** Whether a channel is a column (element modulo stride) and no row. */
  byColumn: boolean;
  /** Flips the highest bit, which makes signed numbers of unsigned ones about 128: 1: of the base, 2: of the target. */
  flips: number;
  /** What the first channel is expected to be: target = slope / 256 * base + shift. */
  slope: number;
  shift: number;
}

const widestPlain = 4;
const spanKinds = ['copy', 'bytes', 'steps', 'words', 'levels', 'plain'] as const;

/** Kinds of numbers, for NumberModel. */
const [
  kindOf,
  lengthOf,
  moveOf,
  windowOf,
  typeOf,
  strideOf,
  phaseOf,
  flagsOf,
  slopeOf,
  shiftOf,
  noiseOf,
  topOf,
] = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
/** Copies are long or short for other reasons than the rest. */
const copyLengthOf = 2;

/** What the base ranges of one segment may hold together: a bound on a device's memory. */
export const baseLimitBytes = 2 * 1024 * 1024;

/** Where a segment lies, and how much base there is. */
export interface Surroundings {
  targetOffset: number;
  targetBytes: number;
  baseBytes: number;
}

/** Codes the spans of a segment. Errors: BUNDLE_CORRUPT for spans that do not add up or ask for base that is not there. */
export function codeSpans(
  coder: BitCoder,
  model: NumberModel,
  spans: readonly Span[],
  around: Surroundings,
): Span[] {
  const coded: Span[] = [];
  let [rest, expected, taken] = [around.targetBytes, Math.min(around.targetOffset, around.baseBytes), 0];
  for (let i = 0; rest > 0; i++) {
    const span = codeSpan(coder, model, spans[i] ?? nothing, { rest, expected });
    if (span.sizeBytes > rest) throw corrupt('a span is too long');
    if ('base' in span) {
      const { offset, sizeBytes } = span.base;
      if (offset < 0 || offset + sizeBytes > around.baseBytes) throw corrupt('a span lies outside the base');
      taken += sizeBytes;
      if (taken > baseLimitBytes) throw corrupt('a segment takes too much of the base');
      expected = offset + sizeBytes;
    }
    rest -= span.sizeBytes;
    coded.push(span);
  }
  return coded;
}

/** What a reader gives where a writer gives a span. */
const nothing: Span = { kind: 'bytes', sizeBytes: 0, base: { offset: 0, sizeBytes: 0 } };

function codeSpan(
  coder: BitCoder,
  model: NumberModel,
  span: Span,
  { rest, expected }: { rest: number; expected: number },
): Span {
  const kind = spanKinds[model.code(coder, spanKinds.indexOf(span.kind), kindOf)];
  if (kind === undefined) throw corrupt('a span is of an unknown kind');
  const lengthKind = kind === 'copy' ? copyLengthOf : lengthOf;
  // The last span, of which there is one in each segment, says 0.
  const sizeBytes = model.code(coder, span.sizeBytes === rest ? 0 : span.sizeBytes, lengthKind) || rest;
  const given = 'base' in span ? span.base : { offset: expected, sizeBytes: 0 };
  const codeBase = (length?: number): BaseRange => {
    const offset = expected + model.codeSigned(coder, given.offset - expected, moveOf);
    return { offset, sizeBytes: length ?? model.code(coder, given.sizeBytes, windowOf) };
  };
  switch (kind) {
    case 'copy':
      return { kind, sizeBytes, base: codeBase(sizeBytes) };
    case 'bytes':
      return { kind, sizeBytes, base: codeBase() };
    case 'steps':
      return { kind, sizeBytes, base: codeBase(sizeBytes), ...codeWordShape(coder, model, span, sizeBytes) };
    case 'words': {
      const shape = codeWordShape(coder, model, span, sizeBytes);
      const top = model.code(coder, span.kind === 'words' ? span.top : 0, topOf);
      if (top > 255) throw corrupt('a span has no such exponents');
      return { kind, sizeBytes, ...shape, top };
    }
    case 'levels':
      return { kind, sizeBytes, base: codeBase(sizeBytes), ...codeLevelShape(coder, model, span) };
    case 'plain':
      return { kind, sizeBytes, ...codePlainShape(coder, model, span) };
  }
}

function codeWordShape(coder: BitCoder, model: NumberModel, span: Span, sizeBytes: number): WordShape {
  const given = 'type' in span ? span : { type: 'float32' as const, stride: 1, noiseBits: 0 };
  const type = wordTypes[model.code(coder, wordTypes.indexOf(given.type), typeOf)];
  if (type === undefined || sizeBytes % wordBytes(type) !== 0) throw corrupt('a span has broken words');
  const stride = codeStride(coder, model, given.stride);
  const noiseBits = model.code(coder, given.noiseBits, noiseOf);
  if (noiseBits > mostNoiseBits(type)) throw corrupt('a span has no such noise');
  return { type, stride, noiseBits };
}

function codePlainShape(coder: BitCoder, model: NumberModel, span: Span): PlainShape {
  const given = span.kind === 'plain' ? span.noise : [];
  const width = codeStride(coder, model, Math.max(1, given.length));
  if (width > widestPlain) throw corrupt('a span has no such words');
  const noise = Array.from({ length: width }, (_, i) => model.code(coder, given[i] ?? 0, noiseOf));
  if (noise.some((bits) => bits > 8)) throw corrupt('a span has no such noise');
  return { noise };
}

function codeLevelShape(coder: BitCoder, model: NumberModel, span: Span): LevelShape {
  const given =
    span.kind === 'levels' ? span : { stride: 1, phase: 0, byColumn: false, flips: 0, slope: 0, shift: 0 };
  const stride = codeStride(coder, model, given.stride);
  const phase = model.code(coder, given.phase, phaseOf);
  if (phase >= stride) throw corrupt('a span begins outside its row');
  const flags = model.code(coder, given.flips * 2 + (given.byColumn ? 1 : 0), flagsOf);
  const slope = model.codeSigned(coder, given.slope, slopeOf);
  const shift = model.codeSigned(coder, given.shift, shiftOf);
  if (flags > 7 || Math.abs(slope) > 65_535 || Math.abs(shift) > 255)
    throw corrupt('a span has no such scale');
  return { stride, phase, byColumn: flags % 2 === 1, flips: flags >> 1, slope, shift };
}

function codeStride(coder: BitCoder, model: NumberModel, given: number): number {
  const stride = model.code(coder, given, strideOf);
  if (stride < 1 || stride > 2 ** 30) throw corrupt('a span has no such rows');
  return stride;
}

/** Three bits of a mantissa are never taken for noise. */
export function mostNoiseBits(type: WordType): number {
  return { float32: 20, float16: 7, bfloat16: 4, int32: 24 }[type];
}

export function wordBytes(type: WordType): 2 | 4 {
  return type === 'float32' || type === 'int32' ? 4 : 2;
}
