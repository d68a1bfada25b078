import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CoveyError, limits } from '@covey/protocol';
import { type GraphProto, type ModelProto, ModelProtoSchema } from './generated/onnx_pb.ts';
import { checkWire } from './wire.ts';

/** A decoded ONNX model that has a graph; the tensors' raw data are views into the bytes it was read from. */
export type Model = ModelProto & { graph: GraphProto };

/**
 * The model in an ONNX file. Fields newer than our copy of the format are kept and written back.
 * Errors: MODEL_INVALID (empty, truncated, not ONNX, no graph, no outputs), PAYLOAD_TOO_LARGE (over the limits on file
 * size, parts or listed numbers; nothing was decoded).
 */
export function readModel(bytes: Uint8Array): Model {
  if (bytes.byteLength === 0) throw new CoveyError('MODEL_INVALID', 'the ONNX file is empty');
  if (bytes.byteLength > limits.fileBytes) {
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `the ONNX file has ${bytes.byteLength} bytes, the limit is ${limits.fileBytes}`,
    );
  }
  checkWire(ModelProtoSchema, bytes);
  return checkModel(decode(bytes));
}

/** The bytes of an ONNX file that holds `model`. */
export function writeModel(model: Model): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CoveyError('MODEL_INVALID', `not an ONNX file: ${reason}`, { cause });
  }
}

function checkModel(model: ModelProto): Model {
  // Most garbage is also a protobuf message of unknown fields; the IR version is the one field every ONNX file has.
  if (model.irVersion < 1n)
    throw new CoveyError('MODEL_INVALID', 'not an ONNX file: it names no IR version (ir_version)');
  if (model.irVersion >= 3n && model.opsetImport.length === 0)
    throw new CoveyError('MODEL_INVALID', 'the ONNX file names no operator set (opset_import)');
  if (!hasGraph(model)) throw new CoveyError('MODEL_INVALID', 'the ONNX file holds no graph');
  if (model.graph.output.length === 0)
    throw new CoveyError('MODEL_INVALID', 'the ONNX graph has no outputs, so it computes nothing');
  return model;
}

function hasGraph(model: ModelProto): model is Model {
  return model.graph !== undefined;
}
