export {
  type Duration,
  failureReasons,
  type ModelStatistics,
} from '../measure/index.ts';
export type { RepositoryEntry } from '../models/index.ts';
export type { InferenceReply, Selector, Servable } from './call.ts';
export { createEngine, type Engine, type EngineOptions } from './engine.ts';
export type { RuntimeFigures } from './observer.ts';
