import { CoveyError, type Datatype, elementBytes, elementCount, type Tensor } from '@covey/protocol';
import { Tensor as OrtTensor } from 'onnxruntime-node';

const ortTypes = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const satisfies Record<Datatype, OrtTensor.Type>;

/** What ONNX Runtime calls a type, as the protocol's datatype; undefined for one that the protocol has no word for. */
export function datatypeOf(ortType: string): Datatype | undefined {
  return (Object.keys(ortTypes) as Datatype[]).find((datatype) => ortTypes[datatype] === ortType);
}

/**
 * The tensor for ONNX Runtime. Elements are viewed where they lie, shared memory included; copied only when they are not
 * aligned. Errors: INPUT_INVALID when the bytes do not fill the shape, or BYTES elements are no UTF-8 texts.
 */
export function toOrtTensor(tensor: Tensor): OrtTensor {
  const { datatype, shape, data } = tensor;
  if (datatype === 'BYTES') return new OrtTensor('string', decodeTexts(data, elementCount(shape)), shape);
  if (data.byteLength !== elementCount(shape) * elementBytes[datatype]) {
    throw new CoveyError('INPUT_INVALID', `${data.byteLength} bytes do not fill ${datatype} [${shape}]`);
  }
  const elements = elementsOf(datatype, aligned(data, elementBytes[datatype]));
  const ortTensor = new OrtTensor(ortTypes[datatype], elements, shape);
  // The constructor makes a Float16Array of FP16 elements, whose length the native binding of 1.30 reads as 0
  // (github.com/microsoft/onnxruntime/pull/32323); it takes the Uint16Array that it is given here.
  if (datatype === 'FP16') Object.defineProperty(ortTensor, 'data', { value: elements });
  return ortTensor;
}

/** The protocol's form of a tensor that ONNX Runtime gave: a view, not a copy, but for BYTES. */
export function fromOrtTensor(tensor: OrtTensor): Tensor {
  const datatype = datatypeOf(tensor.type);
  if (datatype === undefined) {
    throw new CoveyError('MODEL_UNSUPPORTED', `tensors of type ${tensor.type} cannot be served`);
  }
  const { data } = tensor;
  const bytes = Array.isArray(data)
    ? encodeTexts(data as string[])
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { datatype, shape: [...tensor.dims], data: bytes };
}

/** BYTES elements as the binary extension lays them out: u32 length, little-endian, then the bytes. */
export function encodeTexts(texts: readonly string[]): Uint8Array {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.byteLength);
    return [length, bytes];
  });
  // Not from Buffer's pool, which a message to another thread would carry along whole.
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.byteLength;
  }
  return joined;
}

/** The reverse of `encodeTexts`. Errors: INPUT_INVALID (lengths that lie, another count, not UTF-8). */
export function decodeTexts(data: Uint8Array, count: number): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const texts: string[] = [];
  let offset = 0;
  while (offset < data.byteLength) {
    const end = offset + 4 <= data.byteLength ? offset + 4 + view.getUint32(offset, true) : Infinity;
    if (end > data.byteLength) {
      throw new CoveyError('INPUT_INVALID', `BYTES element ${texts.length} is longer than the data`);
    }
    try {
      // A copy: TextDecoder refuses shared memory.
      texts.push(decoder.decode(data.slice(offset + 4, end)));
    } catch (cause) {
      throw new CoveyError('INPUT_INVALID', `BYTES element ${texts.length} is not UTF-8 text`, { cause });
    }
    offset = end;
  }
  if (texts.length !== count) {
    throw new CoveyError('INPUT_INVALID', `BYTES data hold ${texts.length} elements, the shape ${count}`);
  }
  return texts;
}

function aligned(data: Uint8Array, elementSizeBytes: number): Uint8Array {
  return data.byteOffset % elementSizeBytes === 0 ? data : new Uint8Array(data);
}

/** A typed array over the bytes of an aligned `data`. */
export function elementsOf(datatype: Exclude<Datatype, 'BYTES'>, data: Uint8Array) {
  const { buffer, byteOffset } = data;
  const count = data.byteLength / elementBytes[datatype];
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(buffer, byteOffset, count);
    case 'UINT16':
    case 'FP16':
      return new Uint16Array(buffer, byteOffset, count);
    case 'UINT32':
      return new Uint32Array(buffer, byteOffset, count);
    case 'UINT64':
      return new BigUint64Array(buffer, byteOffset, count);
    case 'INT8':
      return new Int8Array(buffer, byteOffset, count);
    case 'INT16':
      return new Int16Array(buffer, byteOffset, count);
    case 'INT32':
      return new Int32Array(buffer, byteOffset, count);
    case 'INT64':
      return new BigInt64Array(buffer, byteOffset, count);
    case 'FP32':
      return new Float32Array(buffer, byteOffset, count);
    case 'FP64':
      return new Float64Array(buffer, byteOffset, count);
  }
}
