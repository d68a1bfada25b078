export {
  type Inference,
  type InferOptions,
  type ModelFile,
  type OpenOptions,
  open,
  type Runtime,
} from './open.ts';
export { type Elements, elements, tensor } from './values.ts';
