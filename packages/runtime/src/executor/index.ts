export type { Backend, Providers } from './backend.ts';
export { describeFile, readSchema } from './describe.ts';
export {
  type Executor,
  type ExecutorOptions,
  type RunResult,
  type StartExecutor,
  threadExecutors,
  warnOfFallback,
} from './executor.ts';
export type { WorkerStart } from './messages.ts';
export { ortError } from './ort-error.ts';
export { PlacementReader } from './placement.ts';
export {
  operatorTimes,
  type Profile,
  type ProfileModel,
  type ProfileOrder,
  type TraceEvent,
} from './profile.ts';
export { serveSession } from './serve.ts';
export { createSessions, type Session } from './session.ts';
export { warmUp, zeros } from './warm.ts';
