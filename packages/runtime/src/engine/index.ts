export {
  type Duration,
  failureReasons,
  type ModelStatistics,
} from '../measure/index.ts';
export type { RepositoryEntry } from '../models/index.ts';
export type { CancelSignal } from '../scheduler/index.ts';
export type { InferenceReply, Selector, Servable } from './call.ts';
export { createEngine, type EngineOptions } from './create.ts';
export type { Engine } from './engine.ts';
export type { RuntimeFigures } from './observer.ts';
