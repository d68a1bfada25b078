import type { Scope } from '../edit/index.ts';
import {
  type Constant,
  countElements,
  createConstant,
  createNode,
  elementTypes,
  intAttribute,
  type Node,
} from '../model/index.ts';
import { integerTypes } from './affine.ts';
import type { QdqWriter } from './qdq.ts';
import { namedAs } from './replace.ts';
import { floatWeight, smallestWeight, weightAffines, weightIntegers } from './weights.ts';

/** Where a node is that gets replaced: what it sees, who writes constants beside it, and names that may fall out of use. */
export interface Place {
  scope: Scope;
  writer: QdqWriter;
  replaced: Set<string>;
  /** Names of what weights of this graph were stored as, which nodes that take the same one share. */
  stored: Map<string, readonly string[]>;
}

/** What `store` answers; the same again for the same weight in the same form. */
export function storedOnce(
  { stored }: Place,
  weight: Constant,
  form: string,
  store: () => readonly string[],
): readonly string[] {
  const key = `${form} ${weight.name}`;
  const names = stored.get(key) ?? store();
  stored.set(key, names);
  return names;
}

/**
 * Picks rows of a table stored as int8, each row with a scale of its own, and makes only those real numbers again.
 * Undefined for a node that picks no rows of a constant table.
 */
export function storedEmbedding(node: Node, place: Place): Node[] | undefined {
  const { scope, writer, replaced } = place;
  const table = floatWeight(scope, node, 0);
  if (table?.dims.length !== 2 || (intAttribute(node, 'axis') ?? 0) !== 0) return undefined;
  if (countElements(table.dims, table.name) < smallestWeight) return undefined;
  const [data = '', scales = ''] = storedOnce(place, table, 'rows', () => storedRows(table, writer));
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

/** A table as int8, and the scales of its rows as a column. */
function storedRows(table: Constant, writer: QdqWriter): string[] {
  const scheme = { type: integerTypes.int8, symmetric: true, axis: 0 };
  const affines = weightAffines(table, scheme);
  const scales = affines.map(({ scale }) => scale);
  const { name, dims } = table;
  const integers = weightIntegers(table, affines, scheme);
  return [
    writer.constant(createConstant(`${name}_q`, elementTypes.INT8, dims, integers)),
    writer.floats(`${name}_scale`, [scales.length, 1], scales),
  ];
}
