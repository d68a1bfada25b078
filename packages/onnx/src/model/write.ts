import { modelCodec } from './codec-model.ts';
import { writeMessage } from './fields.ts';
import type { Model } from './types.ts';
import { concat } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** The bytes of an ONNX file that holds `model`, in order: large tensors are the views they were, not copied. */
export function modelSegments(model: Model): Uint8Array[] {
  const writer = new WireWriter();
  writeMessage(writer, { ...model, hasGraph: true }, modelCodec);
  return writer.segments();
}

/** As modelSegments, in one array: twice the memory. */
export function writeModel(model: Model): Uint8Array {
  return concat(modelSegments(model));
}
