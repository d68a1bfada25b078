import { CoveyError } from '@covey/protocol';
import type { Scope } from '../edit/index.ts';
import {
  type Constant,
  countElements,
  createConstant,
  elementsOf,
  elementTypes,
  type Node,
} from '../model/index.ts';
import { type Affine, affineOf, type IntegerType, quantize, type Range } from './affine.ts';

/** How the weights of one node are to be stored. */
export interface WeightScheme {
  type: IntegerType;
  symmetric: boolean;
  /** The axis whose every index has a scale of its own; undefined: one scale for all. */
  axis: number | undefined;
}

/**
 * The scale of each channel of a fp32 weight, or the one of all. Per channel it is always symmetric: ONNX Runtime's
 * QLinearConv takes one zero point for all channels. Errors: MODEL_INVALID naming a weight that is not finite.
 */
export function weightAffines(weight: Constant, { type, symmetric, axis }: WeightScheme): Affine[] {
  const { channels, inner } = layoutOf(weight, axis);
  const ranges = rangesOf(finiteElements(weight), channels, inner);
  return ranges.map((range) => affineOf(range, type, symmetric || axis !== undefined));
}

/** The integers of a fp32 weight, row-major as it was, with the affine of each channel. */
export function weightIntegers(
  weight: Constant,
  affines: readonly Affine[],
  { type, axis }: WeightScheme,
): Int8Array | Uint8Array {
  const values = elementsOf(weight) as Float32Array;
  const { channels, inner } = layoutOf(weight, axis);
  const integers = type.min < 0 ? new Int8Array(values.length) : new Uint8Array(values.length);
  for (
    let start = 0, channel = 0;
    start < values.length;
    start += inner, channel = (channel + 1) % channels
  ) {
    const affine = affines[channel] ?? { scale: 1, zeroPoint: 0 };
    for (let i = start; i < start + inner; i++) integers[i] = quantize(values[i] ?? 0, affine, type);
  }
  return integers;
}

/** Where channels lie: `inner` values in a row belong to one, and channels take turns. */
function layoutOf(weight: Constant, axis: number | undefined): { channels: number; inner: number } {
  if (axis === undefined) return { channels: 1, inner: Math.max(1, countElements(weight.dims, weight.name)) };
  const inner = countElements(weight.dims.slice(axis + 1), weight.name);
  return { channels: weight.dims[axis] ?? 1, inner: Math.max(1, inner) };
}

/** The numbers of a fp32 constant. Errors: MODEL_INVALID for NaN and infinities, which no integer stands for. */
export function finiteElements(constant: Constant): Float32Array {
  const values = elementsOf(constant) as Float32Array;
  for (const value of values) if (!Number.isFinite(value)) throw notFinite(constant.name);
  return values;
}

function notFinite(name: string): CoveyError {
  return new CoveyError('MODEL_INVALID', `weight "${name}" holds NaN or infinity and cannot be quantized`);
}

function rangesOf(values: Float32Array, channels: number, inner: number): Range[] {
  const ranges = Array.from({ length: channels }, () => ({ min: 0, max: 0 }));
  for (
    let start = 0, channel = 0;
    start < values.length;
    start += inner, channel = (channel + 1) % channels
  ) {
    const range = ranges[channel] ?? { min: 0, max: 0 };
    for (let i = start; i < start + inner; i++) {
      const value = values[i] ?? 0;
      if (value < range.min) range.min = value;
      if (value > range.max) range.max = value;
    }
  }
  return ranges;
}

/** Weights of fewer elements stay: what integers need beside them outweighs what they save. */
export const smallestWeight = 256;

/** The fp32 weight that a node takes as its input `index`, if that is a constant. */
export function floatWeight(scope: Scope, node: Node, index: number): Constant | undefined {
  const constant = scope.constant(node.inputs[index]);
  return constant?.elementType === elementTypes.FLOAT && constant.data.kind === 'raw' ? constant : undefined;
}

/** A constant of fp32 with its last two axes swapped. */
export function transposed(weight: Constant): Constant {
  const values = elementsOf(weight) as Float32Array;
  const [rows = 1, columns = 1] = weight.dims.slice(-2);
  const swapped = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += rows * columns)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        swapped[start + column * rows + row] = values[start + row * columns + column] ?? 0;
  const dims = [...weight.dims.slice(0, -2), columns, rows];
  return createConstant(weight.name, elementTypes.FLOAT, dims, swapped);
}
