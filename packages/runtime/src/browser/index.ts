export type { WebModel, WebVariant } from './model.ts';
export { type OpenOptions, open, type WebRuntime } from './open.ts';
export { serveThread } from './serve-thread.ts';
export type { WebFile } from './store.ts';
