import { CoveyError, type Datatype, elementBytes, elementCount, type Tensor } from '@covey/protocol';
import type { Tensor as OrtTensor } from 'onnxruntime-common';
import { decodeTexts, elementsOf, encodeTexts } from '../tensors/index.ts';

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

const datatypes = new Map<string, Datatype>(
  (Object.keys(ortTypes) as Datatype[]).map((datatype) => [ortTypes[datatype], datatype]),
);

/** What ONNX Runtime calls a type, as the protocol's datatype; undefined for one that the protocol has no word for. */
export function datatypeOf(ortType: string): Datatype | undefined {
  return datatypes.get(ortType);
}

/**
 * The tensor for ONNX Runtime. Elements are viewed where they lie, shared memory included; copied only when they are not
 * aligned. Errors: INPUT_INVALID when the bytes do not fill the shape, or BYTES elements are no UTF-8 texts.
 */
export function toOrtTensor(Ort: typeof OrtTensor, tensor: Tensor): OrtTensor {
  const { datatype, shape, data } = tensor;
  if (datatype === 'BYTES') return new Ort('string', decodeTexts(data, elementCount(shape)), shape);
  if (data.byteLength !== elementCount(shape) * elementBytes[datatype]) {
    throw new CoveyError('INPUT_INVALID', `${data.byteLength} bytes do not fill ${datatype} [${shape}]`);
  }
  const elements = elementsOf(datatype, aligned(data, elementBytes[datatype]));
  const ortTensor = new Ort(ortTypes[datatype], elements, shape);
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

function aligned(data: Uint8Array, elementSizeBytes: number): Uint8Array {
  return data.byteOffset % elementSizeBytes === 0 ? data : new Uint8Array(data);
}
