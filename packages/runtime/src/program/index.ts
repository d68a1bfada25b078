export {
  engineOptionsOf,
  type Inference,
  type InferOptions,
  type Loader,
  openRuntime,
  type Runtime,
  type ServingOptions,
} from './runtime.ts';
export { type Elements, elements, tensor } from './values.ts';
