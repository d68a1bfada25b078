import type { Clock } from '@covey/ports';
import { toCoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import { type Joiner, splitOutputs } from './join.ts';
import type { BatchMemory } from './memory.ts';
import type { Ran, Slot } from './pool.ts';
import type { Request } from './request.ts';

export interface DispatchOptions {
  clock: Clock;
  joiner: Joiner;
  memory: BatchMemory;
}

/**
 * Runs requests of one form together and settles them; never fails. Gives back those that have to run again, each alone:
 * of a batch that the model refused, only the one it refused shall fail.
 */
export async function runTogether(
  members: readonly Request[],
  slot: Slot,
  { clock, joiner, memory }: DispatchOptions,
): Promise<Request[]> {
  const pickedMs = clock.monotonicMs();
  const batch = joined(members, joiner, memory);
  const handedMs = clock.monotonicMs();
  try {
    const ran = await slot.runner.run(batch.inputs);
    if (batch.buffer) memory.giveBack(batch.buffer);
    members[0]?.profile.observe(batch.paddedRows, ran.runMs);
    const waitedMs = Math.max(0, slot.lastEndMs - handedMs);
    slot.lastEndMs = ran.startedMs + ran.runMs;
    answer(members, batch, ran, { pickedMs, waitedMs, clock });
    return [];
  } catch (cause) {
    const error = toCoveyError(cause);
    const isRefused = error.code === 'INFERENCE_FAILED' || error.code === 'INPUT_INVALID';
    // After other errors a thread may still read the memory.
    if (isRefused && batch.buffer) memory.giveBack(batch.buffer);
    if (isRefused && members.length > 1) return [...members];
    for (const request of members) request.reject(error);
    return [];
  }
}

interface JoinedBatch {
  inputs: Tensors;
  rows: number;
  paddedRows: number;
  buffer: ArrayBufferLike | undefined;
}

function joined(members: readonly Request[], joiner: Joiner, memory: BatchMemory): JoinedBatch {
  const [first] = members;
  if (first === undefined) throw new RangeError('a batch has a first request');
  const rows = members.reduce((total, request) => total + request.rows, 0);
  const paddedRows = first.runsAlone ? rows : first.profile.paddedRows(rows);
  if (members.length === 1 && paddedRows === rows) {
    return { inputs: first.inputs, rows, paddedRows, buffer: undefined };
  }
  const buffer = memory.take(joiner.sizeBytes(first.inputs, first.rows, paddedRows));
  const inputs = joiner.join(
    members.map((request) => request.inputs),
    paddedRows,
    buffer,
  );
  return { inputs, rows, paddedRows, buffer };
}

function answer(
  members: readonly Request[],
  { rows, paddedRows }: JoinedBatch,
  { outputs, startedMs, runMs }: Ran,
  { pickedMs, waitedMs, clock }: { pickedMs: number; waitedMs: number; clock: Clock },
): void {
  const isWhole = members.length === 1 && paddedRows === rows;
  let row = 0;
  for (const request of members) {
    const own = isWhole ? outputs : splitOutputs(outputs, request.profile.outputAxes, row, request.rows);
    row += request.rows;
    request.resolve({
      outputs: own,
      timings: {
        queueMs: pickedMs - request.enqueuedMs + waitedMs,
        inputMs: Math.max(0, startedMs - pickedMs - waitedMs),
        inferMs: runMs,
        outputMs: Math.max(0, clock.monotonicMs() - startedMs - runMs),
        batchSize: rows,
      },
    });
  }
}
