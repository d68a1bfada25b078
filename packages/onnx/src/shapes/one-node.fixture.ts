import type { Tensor } from '@covey/protocol';
import { ortExecution } from '../execution.fixture.ts';
import { createModel } from '../graph/index.ts';
import {
  type AttributeInput,
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  datatypeOf,
  elementsSizeBytes,
  elementTypeOf,
  elementTypes,
  type Model,
  writeModel,
} from '../model/index.ts';
import { countOf, type TensorType } from './index.ts';

/** What a node takes: an input of the model by its type, or a constant of integers or floats. */
export type Operand =
  | { kind: 'input'; shape: number[]; elementType: number }
  | { kind: 'integers'; values: number[] }
  | { kind: 'floats'; values: number[] }
  | { kind: 'constant'; shape: number[]; elementType: number }
  | { kind: 'absent' };

export interface Case {
  opType: string;
  operands: Operand[];
  outputs?: number;
  attributes?: Record<string, AttributeInput>;
  opset?: number;
  domain?: string;
}

export const data = (...shape: number[]): Operand => ({
  kind: 'input',
  shape,
  elementType: elementTypes.FLOAT,
});
export const typed = (elementType: number, ...shape: number[]): Operand => ({
  kind: 'input',
  shape,
  elementType,
});
export const weights = (...shape: number[]): Operand => ({
  kind: 'constant',
  shape,
  elementType: elementTypes.FLOAT,
});
export const bytes = (...shape: number[]): Operand => ({
  kind: 'constant',
  shape,
  elementType: elementTypes.UINT8,
});
export const integers = (...values: number[]): Operand => ({ kind: 'integers', values });
export const floats = (...values: number[]): Operand => ({ kind: 'floats', values });
export const absent: Operand = { kind: 'absent' };

/** A model of the one node; with `symbols` every dimension of an input is one, `sizes` are their numbers. */
export function modelOf(
  { opType, operands, outputs = 1, attributes = {}, opset = 21, domain = '' }: Case,
  symbols?: Map<string, number>,
): Model {
  const graph = createGraph('one node');
  const names = operands.map((operand, index) => {
    const name = `in${index}`;
    if (operand.kind === 'absent') return '';
    if (operand.kind === 'integers')
      graph.initializers.set(
        name,
        createConstant(
          name,
          elementTypes.INT64,
          [operand.values.length],
          BigInt64Array.from(operand.values, BigInt),
        ),
      );
    else if (operand.kind === 'floats')
      graph.initializers.set(
        name,
        createConstant(name, elementTypes.FLOAT, [operand.values.length], Float32Array.from(operand.values)),
      );
    else if (operand.kind === 'constant') {
      const sizeBytes = elementsSizeBytes(operand.elementType, countOf(operand.shape) ?? 0) ?? 0;
      graph.initializers.set(
        name,
        createConstant(name, operand.elementType, operand.shape, new Uint8Array(sizeBytes)),
      );
    } else {
      const shape = operand.shape.map((size) => {
        // Sizes that are equal here are equal in every call; a 1 broadcasts, so it is no symbol.
        if (symbols === undefined || size === 1) return size;
        symbols.set(`d${size}`, size);
        return `d${size}`;
      });
      graph.inputs.push(createValueInfo(name, { kind: 'tensor', elementType: operand.elementType, shape }));
    }
    return name;
  });
  const results = Array.from({ length: outputs }, (_, index) => `out${index}`);
  graph.nodes.push(createNode(opType, names, results, attributes, domain));
  graph.outputs = results.map((name) => createValueInfo(name));
  const model = createModel(graph);
  model.opsets = [{ domain: '', version: opset }, ...(domain ? [{ domain, version: 1 }] : [])];
  return model;
}

/** The types of the outputs as ONNX Runtime computes them, or undefined where it refuses the node. */
export async function computedTypes(
  model: Model,
  types: Map<string, TensorType>,
): Promise<Map<string, TensorType> | undefined> {
  try {
    const loaded = await ortExecution({ optimize: false }).load(writeModel(model));
    const feeds = Object.fromEntries(model.graph.inputs.map(({ name }) => [name, zeros(types.get(name))]));
    const outputs = await loaded.run(feeds);
    await loaded.release();
    return new Map(
      Object.entries(outputs).map(([name, { datatype, shape }]) => [
        name,
        { elementType: elementTypeOf(datatype), shape },
      ]),
    );
  } catch {
    return undefined;
  }
}

function zeros(type: TensorType | undefined): Tensor {
  const datatype = datatypeOf(type?.elementType ?? 0);
  if (type?.shape === undefined || datatype === undefined) throw new Error('an input without type');
  const size = elementsSizeBytes(type.elementType, countOf(type.shape) ?? 0) ?? 0;
  return { datatype, shape: type.shape.map(Number), data: new Uint8Array(size) };
}

/** Types of the inputs alone: what the runtime is fed must not depend on the rules under test. */
export function inputTypes({ graph }: Model): Map<string, TensorType> {
  const types = new Map<string, TensorType>();
  for (const { name, type } of graph.inputs)
    if (type?.kind === 'tensor') types.set(name, { elementType: type.elementType, shape: type.shape });
  return types;
}
