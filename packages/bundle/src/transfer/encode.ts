import type { TransferTarget } from './format.ts';

/** A tensor's elements in a file: where they lie, of which ONNX element type, in which shape. */
export interface TensorRange {
  name: string;
  offset: number;
  sizeBytes: number;
  type: TensorType;
  shape: readonly number[];
}
/** Element types that the codec knows; others travel as bytes. */
export type TensorType = 'float32' | 'float16' | 'bfloat16' | 'int32' | 'int8' | 'uint8' | 'other';

/** A file in memory, with what is known of its tensors, in the order of their offsets. */
export interface TransferFile {
  bytes: Uint8Array;
  tensors: readonly TensorRange[];
}

/** The whole transfer of a file. Deterministic: equal arguments give equal bytes. */
export function encodeTransfer(
  _file: TransferFile,
  _target: TransferTarget,
  _base?: TransferFile,
): Uint8Array {
  throw new Error('follows');
}
