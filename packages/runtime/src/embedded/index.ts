export type { ModelFile } from './model-file.ts';
export { type Inference, type InferOptions, type OpenOptions, open, type Runtime } from './open.ts';
export { type Elements, elements, tensor } from './values.ts';
