export { type Executor, type RunResult, startExecutor } from './executor.ts';
export { serveSession } from './serve.ts';
export { openAnySession, openSession, type Session, type Tensors } from './session.ts';
export { decodeTexts, elementsOf, encodeTexts } from './tensors.ts';
export { warmUp } from './warm.ts';
