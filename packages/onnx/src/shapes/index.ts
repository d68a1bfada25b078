export { formatShape } from './call.ts';
export { type InferredGraph, inferGraphs, symbolsOf } from './infer.ts';
export { countOf, type Known, type TensorType } from './known.ts';
export { inferShapes } from './names.ts';
