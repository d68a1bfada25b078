import type { WordType } from './spans.ts';

/** Reads and writes the words of a span as unsigned numbers. Bytes need not be aligned. */
export interface WordAccess {
  bits: 16 | 32;
  get(view: DataView, index: number): number;
  set(view: DataView, index: number, value: number): void;
}

const words32: WordAccess = {
  bits: 32,
  get: (view, index) => view.getUint32(index * 4, true),
  set: (view, index, value) => view.setUint32(index * 4, value, true),
};
const words16: WordAccess = {
  bits: 16,
  get: (view, index) => view.getUint16(index * 2, true),
  set: (view, index, value) => view.setUint16(index * 2, value, true),
};

/** Where the parts of a float are; `int32` has no exponent, and is ordered as it stands. */
export interface WordLayout extends WordAccess {
  isFloat: boolean;
  exponentBits: number;
  mantissaBits: number;
}

export const wordLayouts: Record<WordType, WordLayout> = {
  float32: { ...words32, isFloat: true, exponentBits: 8, mantissaBits: 23 },
  float16: { ...words16, isFloat: true, exponentBits: 5, mantissaBits: 10 },
  bfloat16: { ...words16, isFloat: true, exponentBits: 8, mantissaBits: 7 },
  int32: { ...words32, isFloat: false, exponentBits: 0, mantissaBits: 31 },
};

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
