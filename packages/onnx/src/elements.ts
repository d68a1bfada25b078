import type { Datatype } from '@covey/protocol';
import { TensorProto_DataType } from './generated/onnx_pb.ts';

/** The ONNX element type of each datatype of the Open Inference Protocol. */
export const elementTypes: Record<Datatype, TensorProto_DataType> = {
  BOOL: TensorProto_DataType.BOOL,
  UINT8: TensorProto_DataType.UINT8,
  UINT16: TensorProto_DataType.UINT16,
  UINT32: TensorProto_DataType.UINT32,
  UINT64: TensorProto_DataType.UINT64,
  INT8: TensorProto_DataType.INT8,
  INT16: TensorProto_DataType.INT16,
  INT32: TensorProto_DataType.INT32,
  INT64: TensorProto_DataType.INT64,
  FP16: TensorProto_DataType.FLOAT16,
  FP32: TensorProto_DataType.FLOAT,
  FP64: TensorProto_DataType.DOUBLE,
  BYTES: TensorProto_DataType.STRING,
};

/** The datatype of an ONNX element type, or undefined for one that the protocol has no word for (bfloat16, complex, 4 and 8 bit floats, ...). */
export function datatypeOf(elementType: number): Datatype | undefined {
  return datatypes.find(([, type]) => type === elementType)?.[0];
}

const datatypes = Object.entries(elementTypes) as [Datatype, TensorProto_DataType][];
