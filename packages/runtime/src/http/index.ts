export { type Answer, emptyAnswer, errorAnswer, jsonAnswer, textAnswer } from './answer.ts';
export type { InferenceBody } from './body.ts';
export {
  flatJson,
  isNested,
  needsExactIntegers,
  nestedJson,
  nestedShape,
  type ReadBytes,
  rowsJson,
  tensorFromJson,
  textBytes,
  type WriteBytes,
} from './json-tensors.ts';
export { parseJson } from './json-text.ts';
export { checkMethod } from './path.ts';
export type { Handling, HttpProtocol, InferenceHandling } from './protocol.ts';
export { rawTensor } from './raw-tensor.ts';
export { createHttpService } from './server.ts';
