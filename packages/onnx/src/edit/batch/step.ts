import { type Dimension, intAttribute, type Node } from '../../model/index.ts';

/** What one rule decides from. */
export interface Step {
  node: Node;
  version: number;
  /** The axis along which the samples of input `index` lie; undefined where the input is the same for every batch. */
  axis(index: number): number | undefined;
  /** The shape of input `index` for the batch that the model has now. Throws a Fixed where it is not known. */
  shape(index: number): number[];
  outputShape(): number[];
  /** The whole numbers of a constant input; undefined for any other input. */
  numbers(index: number): number[] | undefined;
  /** The elements of input `index` where sizes are symbols, `batch` among them. */
  symbols(index: number): readonly Dimension[] | undefined;
  /** The axes in the attribute `axes` or in input `index`, from the front; undefined where none are given. Throws a Fixed where they are not known. */
  axes(index: number, rank: number): number[] | undefined;
  batchSize: number;
  /** Puts other numbers in the place of the constant input `index`, for this node alone, once all is decided. */
  rewrite(index: number, numbers: readonly number[]): void;
}

/** Thrown by rules: why the node fixes the batch. */
export class Fixed extends Error {}

/** The attribute `axis`, from the front. */
export function axisAttribute(node: Node, otherwise: number, rank: number): number {
  const axis = intAttribute(node, 'axis') ?? otherwise;
  return axis < 0 ? axis + rank : axis;
}
