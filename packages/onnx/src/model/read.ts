import { CoveyError, limits } from '@covey/protocol';
import { modelCodec } from './codec-model.ts';
import { readMessage } from './fields.ts';
import type { Model } from './types.ts';
import { WireReader } from './wire-reader.ts';

/**
 * The model in the bytes of an ONNX file; its tensors are views into `bytes`, which must not change afterwards. Fields
 * that this package has no name for are kept and written back. Weights in other files are not followed: see readModelFile.
 * Errors: MODEL_INVALID (empty, truncated, not ONNX, no graph, no outputs, names twice), MODEL_UNSUPPORTED (attributes of
 * unknown types), PAYLOAD_TOO_LARGE (over the limits on file size, parts or listed numbers).
 */
export function readModel(bytes: Uint8Array): Model {
  if (bytes.byteLength === 0) throw new CoveyError('MODEL_INVALID', 'the ONNX file is empty');
  if (bytes.byteLength > limits.fileBytes)
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `the ONNX file has ${bytes.byteLength} bytes, the limit is ${limits.fileBytes}`,
    );
  const { hasGraph, ...model } = decode(bytes);
  // Most garbage is also a protobuf message of unknown fields; the IR version is the one field every ONNX file has.
  if (model.irVersion < 1)
    throw new CoveyError('MODEL_INVALID', 'not an ONNX file: it names no IR version (ir_version)');
  if (model.irVersion >= 3 && model.opsets.length === 0)
    throw new CoveyError('MODEL_INVALID', 'the ONNX file names no operator set (opset_import)');
  if (!hasGraph) throw new CoveyError('MODEL_INVALID', 'the ONNX file holds no graph');
  if (model.graph.outputs.length === 0)
    throw new CoveyError('MODEL_INVALID', 'the ONNX graph has no outputs, so it computes nothing');
  return model;
}

function decode(bytes: Uint8Array) {
  const reader = new WireReader(bytes);
  try {
    return readMessage(reader, bytes.byteLength, modelCodec);
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause;
    // What protobuf's own reader throws: the end of the bytes in the middle of a value, an impossible tag.
    throw new CoveyError('MODEL_INVALID', `not an ONNX file: no protobuf at byte ${reader.position}`, {
      cause,
    });
  }
}
