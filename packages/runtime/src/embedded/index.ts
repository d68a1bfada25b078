export type { ModelFile } from './model-file.ts';
export { type OpenOptions, open } from './open.ts';
export type { Inference, InferOptions, Runtime } from './runtime.ts';
export { type Elements, elements, tensor } from './values.ts';
