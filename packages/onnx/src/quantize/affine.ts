import { elementTypes } from '../model/index.ts';

/** The smallest and the largest value something took; both finite, `min` at most `max`. */
export interface Range {
  min: number;
  max: number;
}

/** An integer type that quantized values are stored in. */
export interface IntegerType {
  elementType: number;
  min: number;
  max: number;
}

/**
 * How weights are stored. `int7` is int8 of which only -64 to 64 are used (`reduce_range` of Python's tools): x86-64 without
 * VNNI adds pairs of uint8 x int8 products in 16 bits, where two times 255 x 64 still fit, while larger weights saturate.
 * So every processor computes the same with `int7` and `uint8`; with `int8` only those with VNNI, and ARM. `uint8` is slower
 * on x86-64.
 */
export type WeightType = 'int8' | 'int7' | 'uint8';

export const integerTypes = {
  uint8: { elementType: elementTypes.UINT8, min: 0, max: 255 },
  int8: { elementType: elementTypes.INT8, min: -128, max: 127 },
  int7: { elementType: elementTypes.INT8, min: -64, max: 64 },
  uint4: { elementType: elementTypes.UINT4, min: 0, max: 15 },
  int4: { elementType: elementTypes.INT4, min: -8, max: 7 },
} as const satisfies Record<string, IntegerType>;

/** real = (integer - zeroPoint) * scale, as QuantizeLinear and DequantizeLinear of ONNX have it; `scale` is a fp32 number. */
export interface Affine {
  scale: number;
  zeroPoint: number;
}

/**
 * No scale is smaller: below it the scale of a bias, a product of two, would leave the normal fp32 numbers. Values this
 * small become zeros.
 */
const smallestScale = 2 ** -60;

/**
 * How a range is stored in an integer type. Zero is always represented exactly, since padding and ReLU make zeros.
 * Symmetric puts zero in the middle of the type (0 of int8, 128 of uint8) and leaves an outermost negative integer that has
 * no counterpart unused, so that a value and its negative are equally exact.
 */
export function affineOf(range: Range, type: IntegerType, symmetric: boolean): Affine {
  const low = Math.min(range.min, 0);
  const high = Math.max(range.max, 0);
  if (symmetric) {
    const middle = Math.floor((type.min + type.max + 1) / 2);
    return { scale: scaleOf(Math.max(-low, high), type.max - middle), zeroPoint: middle };
  }
  const scale = scaleOf(high - low, type.max - type.min);
  const zeroPoint = Math.round(type.min - low / scale);
  return { scale, zeroPoint: Math.min(Math.max(zeroPoint, type.min), type.max) };
}

function scaleOf(width: number, steps: number): number {
  // A range of nothing but zeros has any scale; 1 keeps the numbers that follow from it ordinary.
  if (width === 0) return 1;
  return Math.fround(Math.max(Math.min(width, largestFloat) / steps, smallestScale));
}

const largestFloat = 3.4028234663852886e38;

/** The integer that stands for a real number: rounded, saturated. */
export function quantize(real: number, { scale, zeroPoint }: Affine, type: IntegerType): number {
  const integer = Math.round(real / scale) + zeroPoint;
  return Math.min(Math.max(integer, type.min), type.max);
}

/** The range that an integer type spans with a scale and zero point. */
export function spanOf({ scale, zeroPoint }: Affine, type: IntegerType): Range {
  return { min: (type.min - zeroPoint) * scale, max: (type.max - zeroPoint) * scale };
}
