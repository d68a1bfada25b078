export {
  type OpenOptions,
  open,
  type WebFile,
  type WebModel,
  type WebRuntime,
  type WebVariant,
} from './browser/index.ts';
export { type Elements, elements, type Inference, type InferOptions, tensor } from './program/index.ts';
