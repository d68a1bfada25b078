export { createModel, GraphBuilder } from './builder.ts';
export { modelSchema } from './schema.ts';
export { capturedNames, Names, opsetOf, Uses, walkGraphs } from './uses.ts';
