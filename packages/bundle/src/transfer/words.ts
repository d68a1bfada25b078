import type { WordType } from './spans.ts';

/** Where the parts of a word are; `int32` has no exponent. Words of 16 bits stand in the upper half of 32. */
export interface WordLayout {
  bytes: 2 | 4;
  isFloat: boolean;
  exponentBits: number;
  mantissaBits: number;
  /** Bits below the word. */
  shift: 0 | 16;
  /** What turns a negative float into an integer that is the lower the larger the float is. */
  turn: number;
}

const float = (bytes: 2 | 4, exponentBits: number, mantissaBits: number): WordLayout => ({
  bytes,
  isFloat: true,
  exponentBits,
  mantissaBits,
  shift: bytes === 2 ? 16 : 0,
  turn: bytes === 2 ? 0x7fff0000 : 0x7fffffff,
});

export const wordLayouts: Record<WordType, WordLayout> = {
  float32: float(4, 8, 23),
  float16: float(2, 5, 10),
  bfloat16: float(2, 8, 7),
  int32: { bytes: 4, isFloat: false, exponentBits: 0, mantissaBits: 31, shift: 0, turn: 0 },
};

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A word as an integer of 32 bits, in the order of what floats are worth. */
export function orderedWord(view: DataView, index: number, { bytes, turn }: WordLayout): number {
  const word = bytes === 4 ? view.getInt32(index * 4, true) : view.getInt16(index * 2, true) << 16;
  return word ^ ((word >> 31) & turn);
}

export function setOrderedWord(
  view: DataView,
  index: number,
  { bytes, turn }: WordLayout,
  value: number,
): void {
  const word = value ^ ((value >> 31) & turn);
  if (bytes === 4) view.setInt32(index * 4, word, true);
  else view.setInt16(index * 2, word >> 16, true);
}
