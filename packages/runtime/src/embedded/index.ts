export { type Elements, elements, type Inference, type InferOptions, tensor } from '../program/index.ts';
export type { ModelFile } from './model-file.ts';
export { type OpenOptions, open, type Runtime } from './open.ts';
