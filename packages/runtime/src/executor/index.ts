export { type Executor, type RunResult, startExecutor } from './executor.ts';
export { serveSession } from './serve.ts';
export { openAnySession, openSession, type Session } from './session.ts';
export { warmUp } from './warm.ts';
