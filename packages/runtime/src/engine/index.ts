export type { InferenceCall, InferenceReply, Selector, Servable } from './call.ts';
export { createEngine, type Engine, type EngineOptions } from './engine.ts';
