import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Datatype, LoadedModel, ModelSchema } from '@covey/protocol';

/** Field numbers and wire types are those of onnx.proto (ONNX 1.16); only what the models below need. */
const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))];
const int = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, content: number[]): number[] => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content,
];
const text = (field: number, content: string): number[] => bytes(field, [...Buffer.from(content)]);

/** TensorProto.DataType */
const elementTypes: Record<Datatype, number> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
};

const value = (name: string, datatype: Datatype, shape: number[]): number[] => {
  const dimensions = shape.flatMap((size) => bytes(1, size === -1 ? text(2, 'n') : int(1, size)));
  const tensorType = [...int(1, elementTypes[datatype]), ...bytes(2, dimensions)];
  return [...text(1, name), ...bytes(2, bytes(1, tensorType))];
};
const node = (
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: number[][] = [],
): number[] => [
  ...inputs.flatMap((name) => text(1, name)),
  ...outputs.flatMap((name) => text(2, name)),
  ...text(4, operator),
  ...attributes.flatMap((attribute) => bytes(5, attribute)),
];
/** Attribute whose value is a tensor without dimensions, or a graph. */
const tensorAttribute = (name: string, tensor: number[]) => [
  ...text(1, name),
  ...bytes(5, tensor),
  ...int(20, 4),
];
const graphAttribute = (name: string, graph: number[]) => [
  ...text(1, name),
  ...bytes(6, graph),
  ...int(20, 5),
];
const float32Scalar = (number: number) => [
  ...int(2, elementTypes.FP32),
  ...bytes(9, [...new Uint8Array(new Float32Array([number]).buffer)]),
];
const integerScalar = (number: number) => [...int(2, elementTypes.INT64), ...bytes(7, varint(number))];
const booleanScalar = () => [...int(2, elementTypes.BOOL), ...bytes(9, [1])];
const graph = (nodes: number[][], inputs: number[][], outputs: number[][]): number[] => [
  ...nodes.flatMap((item) => bytes(1, item)),
  ...text(2, 'g'),
  ...inputs.flatMap((item) => bytes(11, item)),
  ...outputs.flatMap((item) => bytes(12, item)),
];
const model = (content: number[], opset = 13): Uint8Array =>
  Uint8Array.from([...int(1, 8), ...bytes(7, content), ...bytes(8, int(2, opset))]);

/** Gives back what it is given. */
export function identityModel(datatype: Datatype, shape: number[], opset = 13): Uint8Array {
  const content = graph(
    [node('Identity', ['x'], ['y'])],
    [value('x', datatype, shape)],
    [value('y', datatype, shape)],
  );
  return model(content, opset);
}

/** Adds a constant to FP32 elements: two of them are two versions that differ by a known amount. */
export function addModel(constant: number, shape: number[]): Uint8Array {
  const nodes = [
    node('Constant', [], ['c'], [tensorAttribute('value', float32Scalar(constant))]),
    node('Add', ['x', 'c'], ['y']),
  ];
  return model(graph(nodes, [value('x', 'FP32', shape)], [value('y', 'FP32', shape)]));
}

/** Gives back `x` (FP32 rows of two) as `y`, and `t` (BYTES) as `u`. */
export function pairModel(): Uint8Array {
  const nodes = [node('Identity', ['x'], ['y']), node('Identity', ['t'], ['u'])];
  const inputs = [value('x', 'FP32', [-1, 2]), value('t', 'BYTES', [-1])];
  return model(graph(nodes, inputs, [value('y', 'FP32', [-1, 2]), value('u', 'BYTES', [-1])]));
}

export const pairSchema: ModelSchema = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 't', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1, 2] },
    { name: 'u', datatype: 'BYTES', shape: [-1] },
  ],
};

/** Adds one to its input `x`, one element, `x` times over: slow by as much as it is asked. */
export function countingModel(): Uint8Array {
  const body = graph(
    [node('Identity', ['go'], ['goOn']), node('Add', ['sum', 'sum'], ['next'])],
    [value('i', 'INT64', []), value('go', 'BOOL', []), value('sum', 'INT64', [])],
    [value('goOn', 'BOOL', []), value('next', 'INT64', [])],
  );
  const nodes = [
    node('Constant', [], ['yes'], [tensorAttribute('value', booleanScalar())]),
    node('Constant', [], ['zero'], [tensorAttribute('value', integerScalar(0))]),
    node('Loop', ['x', 'yes', 'zero'], ['y'], [graphAttribute('body', body)]),
  ];
  return model(graph(nodes, [value('x', 'INT64', [])], [value('y', 'INT64', [])]));
}

export const schemaOf = (datatype: Datatype, shape: number[]): ModelSchema => ({
  inputs: [{ name: 'x', datatype, shape }],
  outputs: [{ name: 'y', datatype, shape }],
});

/** A folder for the models of one test file, and how a plan names them. */
export async function modelFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'covey-runtime-'));
  return {
    folder,
    write: async (file: string, content: Uint8Array): Promise<string> => {
      const path = join(folder, file);
      await writeFile(path, content);
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

export function loadedModel(
  path: string,
  schema: ModelSchema,
  { name = 'm', version = '1.0.0', number = 1 } = {},
): LoadedModel {
  const bundle = Buffer.from(`${name} ${version}`).toString('hex').padEnd(64, '0').slice(0, 64);
  return {
    ref: { model: name, version, number, bundle },
    variant: 'fp32',
    provider: 'cpu',
    threads: 1,
    path,
    schema,
  };
}
