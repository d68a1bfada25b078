import type { Scope } from '../edit/index.ts';
import { createNode, elementTypes, intAttribute, type Node } from '../model/index.ts';
import { integerTypes } from './affine.ts';
import type { QdqWriter } from './qdq.ts';
import { namedAs } from './replace.ts';
import { floatWeight, smallestWeight, weightAffines, weightIntegers } from './weights.ts';

/** Where a node is that gets replaced: what it sees, who writes constants beside it, and names that may fall out of use. */
export interface Place {
  scope: Scope;
  writer: QdqWriter;
  replaced: Set<string>;
}

/**
 * Picks rows of a table stored as int8, each row with a scale of its own, and makes only those real numbers again.
 * Undefined for a node that picks no rows of a constant table.
 */
export function storedEmbedding(node: Node, { scope, writer, replaced }: Place): Node[] | undefined {
  const table = floatWeight(scope, node, 0);
  if (table?.dims.length !== 2 || (intAttribute(node, 'axis') ?? 0) !== 0) return undefined;
  const [rows = 0, columns = 0] = table.dims;
  if (rows * columns < smallestWeight) return undefined;
  const scheme = { type: integerTypes.int8, symmetric: true, axis: 0 };
  const affines = weightAffines(table, scheme);
  const [data] = writer.integers(table, weightIntegers(table, affines, scheme), affines, scheme);
  const scales = writer.floats(
    `${table.name}_scale`,
    [rows, 1],
    affines.map(({ scale }) => scale),
  );
  replaced.add(table.name);
  const [, indices = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const name = (what: string) => writer.fresh(`${output}_${what}`);
  const [integers, reals, factors] = [name('q'), name('cast'), name('scale')];
  return namedAs(node, [
    createNode('Gather', [data, indices], [integers]),
    createNode('Cast', [integers], [reals], { to: elementTypes.FLOAT }),
    createNode('Gather', [scales, indices], [factors]),
    createNode('Mul', [reals, factors], [output]),
  ]);
}
