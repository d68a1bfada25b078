import { intAttribute, intsAttribute, type Node, numbersOf } from '../model/index.ts';
import { inferShapes, type TensorType } from '../shapes/index.ts';
import type { Pass } from './pass.ts';
import { bypassNodes } from './rename.ts';
import { isOnnx, type Scope, scopesOf } from './scope.ts';

/** Lets those who take a slice of joined values take the joined value itself, where the slice is exactly one of them. */
export const forwardSlices: Pass = {
  name: 'forward-slices',
  summary: 'takes a value itself instead of the slice that it is of a Concat',
  apply(model) {
    const types = inferShapes(model);
    let changes = 0;
    for (const scope of scopesOf(model)) {
      const concats = new Map(
        scope.graph.nodes.filter((node) => isOnnx(node, 'Concat')).map((node) => [node.outputs[0], node]),
      );
      changes += bypassNodes(scope.graph, (node) => {
        const concat = isOnnx(node, 'Slice') ? concats.get(node.inputs[0]) : undefined;
        return concat && slicedInput(node, concat, scope, types);
      });
    }
    return changes;
  },
};

/** The input of `concat` that `slice` cuts out of its output, or undefined. */
function slicedInput(
  slice: Node,
  concat: Node,
  scope: Scope,
  types: ReadonlyMap<string, TensorType>,
): string | undefined {
  const rank = types.get(slice.inputs[0] ?? '')?.shape?.length;
  const total = rank === undefined ? undefined : sizeAlong(slice.inputs[0], axisOf(concat, rank), types);
  const range = total === undefined || rank === undefined ? undefined : rangeOf(slice, scope, rank, total);
  if (rank === undefined || range?.axis !== axisOf(concat, rank)) return undefined;
  let start = 0;
  for (const input of concat.inputs) {
    const size = sizeAlong(input, range.axis, types);
    if (size === undefined) return undefined;
    if (start === range.start && start + size === range.end) return input;
    start += size;
  }
  return undefined;
}

function axisOf(concat: Node, rank: number): number {
  const axis = intAttribute(concat, 'axis') ?? 1;
  return axis < 0 ? axis + rank : axis;
}

function sizeAlong(value = '', axis: number, types: ReadonlyMap<string, TensorType>): number | undefined {
  const size = types.get(value)?.shape?.[axis];
  return typeof size === 'number' ? size : undefined;
}

/** What a slice along one axis takes of `total` elements, one after the other; undefined for any other slice. */
function rangeOf(slice: Node, scope: Scope, rank: number, total: number) {
  const numbers = (name: string, index: number) => {
    const constant = scope.constant(slice.inputs[index]);
    return intsAttribute(slice, name) ?? (constant && numbersOf(constant));
  };
  const isGiven = (index: number) => (slice.inputs[index] ?? '') !== '';
  const [starts, ends, axes] = [numbers('starts', 1), numbers('ends', 2), numbers('axes', 3)];
  if (isGiven(4) && numbers('steps', 4)?.some((step) => step !== 1) !== false) return undefined;
  if (starts?.length !== 1 || ends?.length !== 1 || (isGiven(3) && axes === undefined)) return undefined;
  const [axis = 0] = axes ?? [];
  const fromFront = (at = 0) => Math.min(Math.max(at < 0 ? at + total : at, 0), total);
  return { axis: axis < 0 ? axis + rank : axis, start: fromFront(starts[0]), end: fromFront(ends[0]) };
}
