import { CoveyError } from '@covey/protocol';
import type { Names } from '../../graph/index.ts';
import {
  type AttributeInput,
  createConstant,
  createNode,
  type Dimension,
  elementTypes,
  type Node,
} from '../../model/index.ts';
import type { Scope } from '../scope.ts';

/** What an adapter may ask and do while it rewrites one node. */
export interface Conversion {
  scope: Scope;
  names: Names;
  /** The version that the node is being brought to. */
  version: number;
  /** The shape of a value, as far as the model tells. */
  shapeOf(value: string | undefined): Dimension[] | undefined;
  /** The element type of a value; FLOAT, which old operators mostly knew alone, where the model does not tell. */
  elementTypeOf(value: string | undefined): number;
  /** Whether a node takes the value, or it is an output. */
  isUsed(value: string): boolean;
}

/** The nodes that compute, in the new version of an operator, what the node computed in the one before. */
export type Adapter = (node: Node, conversion: Conversion) => Node[];

/** Errors: MODEL_UNSUPPORTED, naming the node and why it cannot be brought to the version. */
export function refuse(node: Node, { version }: Conversion, reason: string): never {
  throw new CoveyError(
    'MODEL_UNSUPPORTED',
    `node "${node.name}" (${node.opType}) cannot be brought to opset ${version}: ${reason}`,
  );
}

/** Takes away the outputs behind the first. Errors: MODEL_UNSUPPORTED with the reason where one is used. */
export function keepFirstOutput(node: Node, conversion: Conversion, reason: string): void {
  if (node.outputs.slice(1).some(conversion.isUsed)) refuse(node, conversion, reason);
  node.outputs.length = 1;
}

/** Makes an input of an attribute that lists integers, at the place of `inputs[index]`; nothing where the node has none. */
export function intsToInput(attribute: string, index: number): Adapter {
  return (node, conversion) => {
    const found = node.attributes.get(attribute);
    if (found?.type === 'ints' || found?.type === 'int') {
      const values = found.type === 'ints' ? found.value.slice() : BigInt64Array.of(found.value);
      setInput(node, index, addInts(conversion, `${node.outputs[0]}_${attribute}`, values));
    }
    node.attributes.delete(attribute);
    return [node];
  };
}

/** Puts a value at a place of a node's inputs; those left out before it become ''. */
export function setInput(node: Node, index: number, value: string): void {
  while (node.inputs.length < index) node.inputs.push('');
  node.inputs[index] = value;
}

/** A new vector of 64-bit integers beside the node; answers its name. */
export function addInts({ scope, names }: Conversion, wanted: string, values: BigInt64Array): string {
  const name = names.fresh(wanted);
  scope.add(createConstant(name, elementTypes.INT64, [values.length], values));
  return name;
}

/** A new constant of a floating-point type; answers its name. Errors: MODEL_UNSUPPORTED for another type. */
export function addFloats(
  conversion: Conversion,
  node: Node,
  wanted: string,
  { dims, elementType }: { dims: number[]; elementType: number },
  values: readonly number[],
): string {
  const name = conversion.names.fresh(wanted);
  const elements =
    elementType === elementTypes.FLOAT
      ? Float32Array.from(values)
      : elementType === elementTypes.DOUBLE
        ? Float64Array.from(values)
        : elementType === elementTypes.FLOAT16
          ? Float16Array.from(values)
          : refuse(node, conversion, 'it computes with numbers of a type that the older form did not know');
  conversion.scope.add(createConstant(name, elementType, dims, elements));
  return name;
}

/** A node with one output, called after the value that it stands behind. */
export function helperNode(
  { names }: Conversion,
  opType: string,
  inputs: readonly string[],
  attributes: Record<string, AttributeInput> = {},
): { node: Node; output: string } {
  const output = names.fresh(`${inputs[0]}_${opType.toLowerCase()}`);
  return { node: createNode(opType, inputs, [output], attributes), output };
}

/** Takes attributes away whose meaning is gone. */
export function dropping(...attributes: readonly string[]): Adapter {
  return (node) => {
    for (const attribute of attributes) node.attributes.delete(attribute);
    return [node];
  };
}
