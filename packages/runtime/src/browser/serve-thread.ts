import { createSessions, describeFile, serveSession, type WorkerStart } from '../executor/index.ts';
import { serveSteps } from '../pipeline/index.ts';
import { webBackend } from './backend.ts';
import { webDecoding } from './decoding.ts';
import { sharedMs } from './platform.ts';
import { ownThread } from './thread.ts';

/** A worker's side of the thread that a page started. */
export async function serveThread(): Promise<void> {
  const { port, started } = ownThread();
  const { role, start, assetsUrl } = await started;
  const backend = webBackend(assetsUrl);
  if (role === 'steps') serveSteps(port, webDecoding(assetsUrl));
  else if (role === 'schema') await describeFile(port, start as string, backend);
  else {
    const sessions = createSessions(backend);
    await serveSession(port, start as WorkerStart, { ...sessions, sharedMs, mark: undefined });
  }
}
