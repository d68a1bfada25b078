import { toCoveyError } from '@covey/protocol';
import type { ThreadPort } from '../platform/index.ts';
import type { RunMark } from '../record/index.ts';
import type { Tensors } from '../tensors/index.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import type { Session, Sessions } from './session.ts';

/** What the thread of a model has of where it runs. */
export interface Surroundings extends Pick<Sessions, 'openSession' | 'openExactly'> {
  /** Milliseconds on a clock that all threads share. */
  sharedMs(): number;
  /** Notes that the model is loaded or runs; undefined where nobody would look. */
  mark: RunMark | undefined;
}

/** The thread's side: loads the file, then answers runs in the order they arrive until it is told to close. */
export async function serveSession(
  port: ThreadPort,
  start: WorkerStart,
  { openSession, openExactly, sharedMs, mark }: Surroundings,
): Promise<void> {
  const answer = (message: FromWorker, transfer?: ArrayBuffer[]) => port.post(message, transfer);
  let session: Session;
  try {
    mark?.set(true);
    const open = start.isExact ? openExactly : openSession;
    session = await open(start.path, start.schema, start);
    mark?.set(false);
  } catch (error) {
    mark?.set(false);
    answer({ kind: 'unloadable', error: toCoveyError(error, 'MODEL_INVALID').toJSON() });
    port.close();
    return;
  }
  // Runs are chained, so that a close waits for what was asked before it.
  let last = Promise.resolve();
  port.listen((received) => {
    const message = received as ToWorker;
    last = last.then(async () => {
      if (message.kind === 'run') {
        mark?.set(true);
        await runOne(session, message.id, message.inputs, sharedMs, answer);
        mark?.set(false);
        return;
      }
      await session.release();
      mark?.close();
      port.close();
    });
  });
  const { fallbackReason } = session;
  answer({ kind: 'loaded', ...(fallbackReason !== undefined && { fallbackReason }) });
}

async function runOne(
  session: Session,
  id: number,
  inputs: Tensors,
  sharedMs: () => number,
  answer: (message: FromWorker, transfer?: ArrayBuffer[]) => void,
): Promise<void> {
  try {
    const startedMs = sharedMs();
    const outputs = await session.run(inputs);
    const runMs = sharedMs() - startedMs;
    answer({ kind: 'done', id, outputs, startedMs, runMs }, buffersOf(outputs));
  } catch (error) {
    answer({ kind: 'failed', id, error: toCoveyError(error, 'INFERENCE_FAILED').toJSON() });
  }
}

/** Outputs change threads without a copy. Two outputs may be views of one buffer. */
function buffersOf(outputs: Tensors): ArrayBuffer[] {
  const buffers = Object.values(outputs).map(({ data }) => data.buffer);
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
