import { CoveyError } from '@covey/protocol';
import { type Dimension, elementTypes, intAttribute, intsAttribute, type Node } from '../model/index.ts';
import { type Known, known, maxRank } from './known.ts';

/** A node with what is known of its inputs: what a rule decides from. */
export interface Call {
  node: Node;
  /** Of the operators of the node's domain. */
  version: number;
  /** Undefined where an input is left out or nothing is known of it; `isGiven` tells which. */
  inputs: readonly (Known | undefined)[];
  /** What the outputs of a subgraph are, given its inputs; undefined where the node has no such subgraph. */
  infer(attribute: string, inputs: readonly (Known | undefined)[]): (Known | undefined)[] | undefined;
}

/** The outputs of a node, in order. Errors: MODEL_INVALID naming a node that cannot run on its inputs. */
export type Rule = (call: Call) => readonly (Known | undefined)[];

/** Rules by operator. */
export type Rules = Readonly<Record<string, Rule>>;

export function isGiven({ node }: Call, index: number): boolean {
  return (node.inputs[index] ?? '') !== '';
}

export function fail({ node }: Call, message: string): never {
  const name = node.name || node.outputs.find((output) => output !== '') || '';
  throw new CoveyError('MODEL_INVALID', `node "${name}" (${node.opType}): ${message}`);
}

export function formatShape(shape: readonly Dimension[] | undefined): string {
  return shape === undefined ? '[...]' : `[${shape.map((dimension) => dimension ?? '?').join(', ')}]`;
}

/** The whole numbers an input holds, or undefined where one of them is unknown. */
export function numbersIn(call: Call, index: number): number[] | undefined {
  const contents = call.inputs[index]?.contents;
  if (contents === undefined || !contents.every((element) => typeof element === 'number')) return undefined;
  return [...contents];
}

/** An axis counted from the front. Errors: MODEL_INVALID where there is none. */
export function axisOf(call: Call, axis: number, rank: number): number {
  if (axis < -rank || axis >= rank || !Number.isInteger(axis))
    fail(call, `axis ${axis} is not one of a tensor of ${rank} dimensions`);
  return axis < 0 ? axis + rank : axis;
}

/** The attribute `name` as an axis of a tensor of the rank. */
export function axisAttribute(call: Call, name: string, otherwise: number, rank: number): number {
  return axisOf(call, intAttribute(call.node, name) ?? otherwise, rank);
}

/**
 * Axes from an attribute or, since operators take them so, from input `index`: 'absent' where neither is given,
 * 'unknown' where the input's numbers are.
 */
export function axesOf(call: Call, name: string, index: number): number[] | 'absent' | 'unknown' {
  const attribute = intsAttribute(call.node, name);
  if (attribute !== undefined) return attribute;
  if (!isGiven(call, index)) return 'absent';
  return numbersIn(call, index) ?? 'unknown';
}

/** The shape that the operands take together (numpy's rule). Errors: MODEL_INVALID where they do not fit. */
export function broadcast(
  call: Call,
  shapes: readonly (readonly Dimension[] | undefined)[],
): Dimension[] | undefined {
  let result: Dimension[] = [];
  for (const shape of shapes) {
    if (shape === undefined) return undefined;
    result = broadcastPair(call, result, shape);
  }
  return result;
}

function broadcastPair(call: Call, a: readonly Dimension[], b: readonly Dimension[]): Dimension[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a, b].map((shape) => shape[axis - rank + shape.length]);
    if (left === undefined || left === right) return right ?? null;
    if (right === undefined || right === 1) return left;
    if (left === 1) return right;
    if (typeof left === 'number' && typeof right === 'number')
      return fail(call, `the shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
    // One that is not known must be 1 or equal to the one that is.
    if (typeof left === 'number') return left;
    return typeof right === 'number' ? right : null;
  });
}

/** The same type as input `index`; contents are not carried over. */
export function like(index = 0): Rule {
  return (call) => {
    const input = call.inputs[index];
    return [input && known(input.elementType, input.shape)];
  };
}

/** The element type that the attribute `name` states by number, else `otherwise`. */
export function elementTypeAttribute(call: Call, name: string, otherwise: number): number {
  return intAttribute(call.node, name) || otherwise;
}

/** A one-dimensional or scalar INT64 value with contents. */
export function integers(contents: readonly Dimension[], isScalar = false): Known {
  return known(elementTypes.INT64, isScalar ? [] : [contents.length], contents);
}

/** The elements of a shape input: null for one that is not known, undefined where not even their count is. */
export function shapeInput(call: Call, index: number): readonly Dimension[] | undefined {
  const input = call.inputs[index];
  if (input?.contents) return input.contents;
  const rank = input?.shape?.length === 1 ? input.shape[0] : undefined;
  return typeof rank === 'number' && rank <= maxRank ? new Array<Dimension>(rank).fill(null) : undefined;
}
