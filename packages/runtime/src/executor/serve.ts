import type { MessagePort } from 'node:worker_threads';
import { toCoveyError } from '@covey/protocol';
import { openRunMark } from '../record/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { type FromWorker, hrtimeMs, type ToWorker, type WorkerStart } from './messages.ts';
import { openSession, type Session } from './session.ts';

/** The worker thread's side: loads the file, then answers runs in the order they arrive until it is told to close. */
export async function serveSession(port: MessagePort, start: WorkerStart): Promise<void> {
  const answer = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  const mark = start.slot && openRunMark(start.slot);
  let session: Session;
  try {
    mark?.set(true);
    session = await openSession(start.path, start.schema, start);
    mark?.set(false);
  } catch (error) {
    mark?.set(false);
    answer({ kind: 'unloadable', error: toCoveyError(error, 'MODEL_INVALID').toJSON() });
    port.close();
    return;
  }
  // Runs are chained, so that a close waits for what was asked before it.
  let last = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    last = last.then(async () => {
      if (message.kind === 'run') {
        mark?.set(true);
        await runOne(session, message.id, message.inputs, answer);
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
  answer: (message: FromWorker, transfer?: ArrayBuffer[]) => void,
): Promise<void> {
  try {
    const startedMs = hrtimeMs();
    const outputs = await session.run(inputs);
    const runMs = hrtimeMs() - startedMs;
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
