import * as v from 'valibot';
import { limits } from '../limits.ts';

/** Datatypes of the Open Inference Protocol v2. */
export const datatypes = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
] as const;
export type Datatype = (typeof datatypes)[number];

/** Bytes an element occupies; BYTES elements vary and have none. */
export const elementBytes: Record<Exclude<Datatype, 'BYTES'>, number> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
};

/** A named input or output: -1 in `shape` is a dimension that varies. */
export const TensorSpecSchema = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  datatype: v.picklist(datatypes),
  shape: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(-1))), v.maxLength(limits.tensorRank)),
});
export type TensorSpec = v.InferOutput<typeof TensorSpecSchema>;

const tensorList = v.pipe(v.array(TensorSpecSchema), v.minLength(1), v.maxLength(limits.tensorsPerModel));
/** Names, types and shapes of a model's inputs and outputs. */
export const ModelSchemaSchema = v.object({ inputs: tensorList, outputs: tensorList });
export type ModelSchema = v.InferOutput<typeof ModelSchemaSchema>;

/** A tensor in the process: `data` holds little-endian elements, row-major; BYTES holds u32-length-prefixed elements. */
export interface Tensor {
  datatype: Datatype;
  shape: number[];
  data: Uint8Array;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
