export type { Instance } from './instance.ts';
export { createModels, type Models } from './models.ts';
export type { Repository, RepositoryEntry } from './repository.ts';
export { type Serving, unloadedOf } from './serving.ts';
