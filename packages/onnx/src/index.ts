export { type Attributes, GraphBuilder } from './builder.ts';
export { type Model, readModel, writeModel } from './model.ts';
export { modelSchema } from './schema.ts';
