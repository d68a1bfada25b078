import { elementTypeName } from './element-type.ts';
import { everyConstant } from './every-constant.ts';
import { readModel } from './read.ts';

/** Where a tensor's elements lie in a model's file, and how to read them. */
export interface TensorRange {
  /** Empty for a tensor without a name. */
  name: string;
  offset: number;
  sizeBytes: number;
  type: 'float32' | 'float16' | 'bfloat16' | 'int32' | 'int8' | 'uint8' | 'other';
  shape: number[];
}

const types: Partial<Record<string, TensorRange['type']>> = {
  FLOAT: 'float32',
  FLOAT16: 'float16',
  BFLOAT16: 'bfloat16',
  INT32: 'int32',
  INT8: 'int8',
  UINT8: 'uint8',
};

/** The tensors that stand in a model's file as one piece, in the order of their offsets. Errors: those of readModel. */
export function tensorRanges(file: Uint8Array): TensorRange[] {
  const ranges: TensorRange[] = [];
  for (const { name, elementType, dims, data } of everyConstant(readModel(file))) {
    // Numbers listed one by one were put together elsewhere.
    if (data.kind !== 'raw' || data.bytes.buffer !== file.buffer) continue;
    const offset = data.bytes.byteOffset - file.byteOffset;
    const sizeBytes = data.bytes.byteLength;
    if (offset < 0 || offset + sizeBytes > file.byteLength) continue;
    const type = types[elementTypeName(elementType)] ?? 'other';
    ranges.push({ name, offset, sizeBytes, type, shape: dims });
  }
  return ranges.sort((a, b) => a.offset - b.offset);
}
