export { describeFile, readSchema } from './describe.ts';
export {
  type Executor,
  type RunResult,
  type StartExecutor,
  startExecutor,
} from './executor.ts';
export { startInlineExecutor } from './inline.ts';
export { PlacementReader } from './placement.ts';
export { operatorTimes, type Profile, type ProfileRequest, profileModel, runProfile } from './profile.ts';
export { listProviders, type Providers, tryWebgpu, type WebgpuTrial } from './providers.ts';
export { serveSession } from './serve.ts';
export {
  openAnySession,
  openExactly,
  openSession,
  type Session,
  type SessionOptions,
} from './session.ts';
export { Throwaway, type ThrowawayAnswer } from './throwaway.ts';
export { warmUp } from './warm.ts';
