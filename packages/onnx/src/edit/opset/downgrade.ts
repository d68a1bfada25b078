import { CoveyError } from '@covey/protocol';
import { walkGraphs } from '../../graph/index.ts';
import type { Model, Node } from '../../model/index.ts';
import {
  countRange,
  type Formal,
  findOperator,
  formalAt,
  operatorVersions,
  tensorTypeText,
} from '../../operators/index.ts';
import { inferShapes, type TensorType } from '../../shapes/index.ts';
import { isOnnx } from '../scope.ts';
import { earlyAdapters } from './early.ts';
import { lateAdapters } from './late.ts';

/**
 * Makes sure that the older operators compute the same: none that the model uses is newer, none changed its meaning since,
 * and no node has attributes, inputs or types that came later. Errors: MODEL_UNSUPPORTED naming the first node that does not fit.
 */
export function checkDowngrade(model: Model, from: number, to: number): void {
  const types = inferShapes(model);
  for (const { nodes } of walkGraphs(model.graph))
    for (const node of nodes) {
      const reason = isOnnx(node) ? obstacle(node, { from, to }, types) : undefined;
      if (reason !== undefined)
        throw new CoveyError(
          'MODEL_UNSUPPORTED',
          `node "${node.name}" (${node.opType}) cannot be brought from opset ${from} back to ${to}: ${reason}`,
        );
    }
}

/** Newer attributes that only say what older versions did; they are dropped. */
const defaults: Readonly<Record<string, bigint>> = {
  allowzero: 0n,
  antialias: 0n,
  layout: 0n,
  saturate: 1n,
  start: 0n,
  training_mode: 0n,
};

function obstacle(
  node: Node,
  { from, to }: { from: number; to: number },
  types: ReadonlyMap<string, TensorType>,
): string | undefined {
  const older = findOperator('', node.opType, to);
  if (older === undefined || older.deprecated) return 'the operator is newer';
  const changes = operatorVersions('', node.opType).filter((version) => version > to && version <= from);
  const changed = changes.find(
    (version) => earlyAdapters[version]?.[node.opType] ?? lateAdapters[version]?.[node.opType],
  );
  if (changed !== undefined) return `its meaning changed in opset ${changed}`;
  if (changes.length === 0) return undefined;
  for (const [name, attribute] of node.attributes) {
    if (older.attributes.has(name)) continue;
    if (attribute.type !== 'int' || attribute.value !== defaults[name])
      return `its attribute "${name}" is newer`;
    node.attributes.delete(name);
  }
  if (node.inputs.length > countRange(older.inputs).max)
    return 'it has more inputs than the older operator takes';
  if (node.outputs.length > countRange(older.outputs).max)
    return 'it has more outputs than the older operator gives';
  const newer = [...typesOf(node.inputs, older.inputs), ...typesOf(node.outputs, older.outputs)].find(
    ({ value, formal }) => {
      const type = types.get(value);
      const allowed = formal && older.typeVariables.get(formal.type);
      return type && allowed && !allowed.has(tensorTypeText(type.elementType));
    },
  );
  return newer && `the older operator does not know the type of "${newer.value}"`;
}

function typesOf(values: readonly string[], formals: readonly Formal[]) {
  return values.map((value, index) => ({ value, formal: formalAt(formals, index) }));
}
