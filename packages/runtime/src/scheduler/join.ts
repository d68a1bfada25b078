import { type Datatype, elementBytes, elementCount, type ModelSchema, type Tensor } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';

/** What decides whether requests may run together. */
export interface RequestForm {
  /** Equal for requests that may: shapes but for the batch dimension, and the bytes of inputs without one. */
  signature: string;
  /** Inferences in the request. */
  rows: number;
}

/** Inputs without a batch dimension, such as a sampling rate, are compared byte by byte: these are small, or not joined. */
const sharedBytes = 256;
/** Elements begin at multiples of it in joined memory. */
const alignmentBytes = 64;

/** How requests to one model are joined along the batch dimension: of every input the first that varies. */
export class Joiner {
  readonly #schema: ModelSchema;
  readonly #isPossible: boolean;
  /** By input; undefined for inputs that all requests of a run must have alike. */
  readonly #axes: ReadonlyMap<string, number | undefined>;

  /**
   * Possible when some input's first dimension varies, every output has a dimension that does, and nothing is BYTES.
   * Whether the dimension is one of independent inferences, no schema tells: see Proof.
   */
  constructor(schema: ModelSchema) {
    this.#schema = schema;
    this.#axes = new Map(schema.inputs.map(({ name, shape }) => [name, axisOf(shape)]));
    this.#isPossible =
      schema.inputs.some(({ shape }) => shape[0] === -1) &&
      schema.outputs.every(({ shape }) => shape.includes(-1)) &&
      [...schema.inputs, ...schema.outputs].every(({ datatype }) => datatype !== 'BYTES');
  }

  /** Undefined for a request that runs alone. `inputs` fit the schema. */
  formOf(inputs: Tensors): RequestForm | undefined {
    if (!this.#isPossible) return undefined;
    let rows = -1;
    let signature = '';
    for (const { name } of this.#schema.inputs) {
      const tensor = inputs[name];
      if (tensor === undefined) return undefined;
      const axis = this.#axes.get(name);
      if (axis === undefined) {
        if (tensor.data.byteLength > sharedBytes) return undefined;
        signature += `${latin1(tensor.data)};`;
        continue;
      }
      const size = tensor.shape[axis] ?? 0;
      if (size === 0 || (rows >= 0 && size !== rows)) return undefined;
      rows = size;
      for (let at = 0; at < tensor.shape.length; at++)
        signature += at === axis ? '*,' : `${tensor.shape[at]},`;
      signature += ';';
    }
    return { signature, rows };
  }

  /** Bytes that `join` needs for so many rows like those of `example`. */
  sizeBytes(example: Tensors, exampleRows: number, rows: number): number {
    let total = 0;
    for (const [name, { data }] of Object.entries(example)) {
      const bytes =
        this.#axes.get(name) === undefined ? data.byteLength : (data.byteLength / exampleRows) * rows;
      total += alignedBytes(bytes);
    }
    return total;
  }

  /**
   * One set of inputs of all `requests`, which have one signature, in `memory`; rows beyond theirs, up to `rows`, are
   * zeros.
   */
  join(requests: readonly Tensors[], rows: number, memory: ArrayBufferLike): Tensors {
    const joined: Tensors = {};
    let offset = 0;
    for (const { name, datatype } of this.#schema.inputs) {
      const parts = requests.flatMap((inputs) => inputs[name] ?? []);
      const [first] = parts;
      if (first === undefined) continue;
      const axis = this.#axes.get(name);
      const shape = axis === undefined ? first.shape : first.shape.with(axis, rows);
      const data = new Uint8Array(memory, offset, bytesOf(datatype, shape));
      if (axis === undefined) data.set(first.data);
      else joinInto(data, parts, shape, axis);
      joined[name] = { datatype, shape, data };
      offset += alignedBytes(data.byteLength);
    }
    return joined;
  }

  /** The inference at `row` alone, in memory of its own. */
  rowOf(inputs: Tensors, row: number): Tensors {
    const entries = Object.entries(inputs).map(([name, tensor]): [string, Tensor] => {
      const axis = this.#axes.get(name);
      const part = axis === undefined ? tensor : sliceOf(tensor, axis, row, 1);
      return [name, { ...part, data: part.data.slice() }];
    });
    return Object.fromEntries(entries);
  }
}

/** What one request gets of joined outputs: views where the batch dimension is the first, as it mostly is, else copies. */
export function splitOutputs(
  outputs: Tensors,
  axes: ReadonlyMap<string, number>,
  row: number,
  rows: number,
): Tensors {
  const split: Tensors = {};
  for (const name of Object.keys(outputs)) {
    const tensor = outputs[name];
    if (tensor) split[name] = sliceOf(tensor, axes.get(name) ?? 0, row, rows);
  }
  return split;
}

function axisOf(shape: readonly number[]): number | undefined {
  const axis = shape.indexOf(-1);
  return axis < 0 ? undefined : axis;
}

function joinInto(data: Uint8Array, parts: readonly Tensor[], shape: readonly number[], axis: number): void {
  const outer = elementCount(shape.slice(0, axis));
  const strideBytes = data.byteLength / outer;
  let offset = 0;
  for (const part of parts) {
    const blockBytes = part.data.byteLength / outer;
    for (let block = 0; block < outer; block++) {
      data.set(
        part.data.subarray(block * blockBytes, (block + 1) * blockBytes),
        block * strideBytes + offset,
      );
    }
    offset += blockBytes;
  }
  if (offset === strideBytes) return;
  for (let block = 0; block < outer; block++)
    data.fill(0, block * strideBytes + offset, (block + 1) * strideBytes);
}

function sliceOf(tensor: Tensor, axis: number, row: number, rows: number): Tensor {
  const shape = tensor.shape.with(axis, rows);
  const outer = elementCount(tensor.shape.slice(0, axis));
  const strideBytes = tensor.data.byteLength / outer;
  const rowBytes = strideBytes / (tensor.shape[axis] ?? 1);
  const from = row * rowBytes;
  const to = from + rows * rowBytes;
  if (outer === 1) return { ...tensor, shape, data: tensor.data.subarray(from, to) };
  const data = new Uint8Array(outer * (to - from));
  for (let block = 0; block < outer; block++) {
    data.set(tensor.data.subarray(block * strideBytes + from, block * strideBytes + to), block * (to - from));
  }
  return { ...tensor, shape, data };
}

function bytesOf(datatype: Datatype, shape: readonly number[]): number {
  return datatype === 'BYTES' ? 0 : elementCount(shape) * elementBytes[datatype];
}

function alignedBytes(bytes: number): number {
  return Math.ceil(bytes / alignmentBytes) * alignmentBytes;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
