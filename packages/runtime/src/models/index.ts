export type { Instance } from './instance.ts';
export { createModels, type Models } from './models.ts';
export { findInstance, type Serving } from './serving.ts';
