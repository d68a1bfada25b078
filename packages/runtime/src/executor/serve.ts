import type { MessagePort } from 'node:worker_threads';
import { toCoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { openSession, type Session } from './session.ts';

/** The worker thread's side: loads the file, then answers runs in the order they arrive until it is told to close. */
export async function serveSession(port: MessagePort, start: WorkerStart): Promise<void> {
  const answer = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  let session: Session;
  try {
    session = await openSession(start.path, start.schema);
  } catch (error) {
    answer({ kind: 'unloadable', error: toCoveyError(error, 'MODEL_INVALID').toJSON() });
    port.close();
    return;
  }
  // Runs are chained, so that a close waits for what was asked before it.
  let last = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    last = last.then(async () => {
      if (message.kind === 'run') return runOne(session, message.id, message.inputs, answer);
      await session.release();
      port.close();
    });
  });
  answer({ kind: 'loaded' });
}

async function runOne(
  session: Session,
  id: number,
  inputs: Tensors,
  answer: (message: FromWorker, transfer?: ArrayBuffer[]) => void,
): Promise<void> {
  try {
    const startedMs = performance.now();
    const outputs = await session.run(inputs);
    const runMs = performance.now() - startedMs;
    answer({ kind: 'done', id, outputs, runMs }, buffersOf(outputs));
  } catch (error) {
    answer({ kind: 'failed', id, error: toCoveyError(error, 'INFERENCE_FAILED').toJSON() });
  }
}

/** Outputs change threads without a copy. Two outputs may be views of one buffer. */
function buffersOf(outputs: Tensors): ArrayBuffer[] {
  const buffers = Object.values(outputs).map(({ data }) => data.buffer);
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
