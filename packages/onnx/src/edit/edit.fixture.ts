import { elementBytes, type Tensor } from '@covey/protocol';
import { expect } from 'vitest';
import { ortExecution } from '../execution.fixture.ts';
import { createModel } from '../graph/index.ts';
import {
  type Constant,
  createConstant,
  createGraph,
  createValueInfo,
  type Dimension,
  datatypeOf,
  elementTypes,
  type Model,
  type Node,
  writeModel,
} from '../model/index.ts';
import { editModel, type Pass } from './index.ts';

export type Tensors = Record<string, Tensor>;

/** What the model answers in ONNX Runtime. */
export async function answersOf(model: Model, inputs: Tensors, execution = ortExecution()): Promise<Tensors> {
  const loaded = await execution.load(writeModel(model));
  try {
    return await loaded.run(inputs);
  } finally {
    await loaded.release();
  }
}

/** Numbers for every input that a caller must give: waves for floats, 16000 for integers. An open dimension is 1, a sequence 576. */
export function inputsFor({ graph }: Model, { batchSize = 1, phase = 0 } = {}): Tensors {
  const sizes = new Map<string | null, number>([
    ['batch', batchSize],
    ['sequence', 576],
  ]);
  const inputs: Tensors = {};
  for (const { name, type } of graph.inputs) {
    if (type?.kind !== 'tensor' || graph.initializers.has(name)) continue;
    const shape = (type.shape ?? []).map((size) =>
      typeof size === 'number' ? size : (sizes.get(size) ?? 1),
    );
    const count = shape.reduce((product, size) => product * size, 1);
    const datatype = datatypeOf(type.elementType);
    if (datatype === undefined) throw new Error(`input ${name} is of a type that no test here has`);
    const elements =
      type.elementType === elementTypes.FLOAT
        ? Float32Array.from({ length: count }, (_, index) => Math.sin(index * 0.7 + phase))
        : BigInt64Array.from({ length: count }, () => 16_000n);
    inputs[name] = { datatype, shape, data: new Uint8Array(elements.buffer) };
    expect(elements.byteLength).toBe(count * (datatype === 'BYTES' ? 1 : elementBytes[datatype]));
  }
  return inputs;
}

/** Expects the same outputs, of the same shapes, and floats within 1e-5 of the largest of them. */
export function expectSame(actual: Tensors, expected: Tensors): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) {
    const other = actual[name];
    expect(other?.datatype, name).toBe(tensor.datatype);
    expect(other?.shape, name).toEqual(tensor.shape);
    if (other === undefined) continue;
    if (tensor.datatype !== 'FP32') expect(other.data, name).toEqual(tensor.data);
    else expect(largestError(floats(other), floats(tensor)), name).toBeLessThanOrEqual(1e-5);
  }
}

export function floats({ data }: Tensor): Float32Array {
  return new Float32Array(data.slice().buffer);
}

export function fp32(shape: number[], elements: ArrayLike<number>): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(elements).buffer) };
}

/** ||a - b|| / ||b||, 0 for two that are all zeros. */
export function relativeError(a: Tensor | undefined, b: Tensor | undefined): number {
  if (!a || !b) return Number.NaN;
  const [values, wanted] = [floats(a), floats(b)];
  let difference = 0;
  let norm = 0;
  for (const [i, value] of wanted.entries()) {
    difference += ((values[i] ?? Number.NaN) - value) ** 2;
    norm += value ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/** The largest difference, in parts of the largest number (or of one). NaN where only one is not a number. */
function largestError(actual: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  return expected.reduce((worst, value, index) => {
    const other = actual[index] ?? Number.NaN;
    return Object.is(value, other) ? worst : Math.max(worst, Math.abs(value - other) / scale);
  }, 0);
}

interface ModelParts {
  opset?: number;
  /** Shapes of float inputs and outputs by name. */
  inputs: Record<string, Dimension[]>;
  outputs: Record<string, Dimension[]>;
  constants?: readonly Constant[];
  nodes: readonly Node[];
}

export function modelOf({ opset = 17, inputs, outputs, constants = [], nodes }: ModelParts): Model {
  const infos = (shapes: Record<string, Dimension[]>) =>
    Object.entries(shapes).map(([name, shape]) =>
      createValueInfo(name, { kind: 'tensor', elementType: elementTypes.FLOAT, shape }),
    );
  const graph = { ...createGraph('test'), nodes: [...nodes], inputs: infos(inputs), outputs: infos(outputs) };
  for (const constant of constants) graph.initializers.set(constant.name, constant);
  return { ...createModel(graph), opsets: [{ domain: '', version: opset }], irVersion: 8 };
}

/** Floats that run through a wave, none of them zero. */
export function waves(name: string, dims: number[], offset = 0): Constant {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const elements = Float32Array.from({ length: count }, (_, index) => offset + Math.sin(index + 1));
  return createConstant(name, elementTypes.FLOAT, dims, elements);
}

export function integers(name: string, numbers: readonly number[], dims = [numbers.length]): Constant {
  return createConstant(name, elementTypes.INT64, dims, BigInt64Array.from(numbers, BigInt));
}

export function operatorsOf({ graph }: Model): string[] {
  return graph.nodes.map(({ opType }) => opType);
}

/** The model after the passes, which must answer what it answered before. */
export async function editedSame(
  model: Model,
  passes: readonly Pass[],
  inputs = inputsFor(model),
): Promise<Model> {
  const { model: edited } = await editModel(model, passes, ortExecution());
  expectSame(await answersOf(edited, inputs), await answersOf(model, inputs));
  return edited;
}
