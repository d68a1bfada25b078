import type { CoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import { type Joiner, splitOutputs } from './join.ts';
import type { BatchMemory } from './memory.ts';
import type { Ran, Slot } from './pool.ts';
import type { Request } from './request.ts';

/** Requests of one form that run together. */
export interface Batch {
  members: readonly Request[];
  first: Request;
  inputs: Tensors;
  rows: number;
  /** Rows that run: zeros are added where that was measured to be faster. */
  paddedRows: number;
  /** Memory of the joined inputs; undefined where they are a request's own. */
  buffer: ArrayBufferLike | undefined;
}

/** A request that runs alone, at its own size, is handed on as it is. */
export function join(members: readonly Request[], joiner: Joiner, memory: BatchMemory): Batch {
  const [first] = members;
  if (first === undefined) throw new RangeError('a batch has a first request');
  const rows = members.reduce((total, request) => total + request.rows, 0);
  const paddedRows = first.runsAlone ? rows : first.profile.paddedRows(rows);
  if (members.length === 1 && paddedRows === rows) {
    return { members, first, inputs: first.inputs, rows, paddedRows, buffer: undefined };
  }
  const buffer = memory.take(joiner.sizeBytes(first.inputs, first.rows, paddedRows));
  const inputs = joiner.join(
    members.map((request) => request.inputs),
    paddedRows,
    buffer,
  );
  return { members, first, inputs, rows, paddedRows, buffer };
}

/** Milliseconds on the monotonic clock. */
export interface DispatchTimes {
  pickedMs: number;
  handedMs: number;
  endedMs: number;
}

/** Tells every request of the batch its part of what ran. */
export function answer(
  { members, first, rows, paddedRows }: Batch,
  { outputs, startedMs, runMs }: Ran,
  slot: Slot,
  { pickedMs, handedMs, endedMs }: DispatchTimes,
): void {
  first.profile.observe(paddedRows, runMs);
  const waitedMs = Math.max(0, slot.lastEndMs - handedMs);
  slot.lastEndMs = startedMs + runMs;
  const inputMs = Math.max(0, startedMs - pickedMs - waitedMs);
  const outputMs = Math.max(0, endedMs - startedMs - runMs);
  const isWhole = members.length === 1 && paddedRows === rows;
  let row = 0;
  for (const request of members) {
    const own = isWhole ? outputs : splitOutputs(outputs, request.profile.outputAxes, row, request.rows);
    row += request.rows;
    const queueMs = pickedMs - request.enqueuedMs + waitedMs;
    request.resolve({
      outputs: own,
      timings: { queueMs, inputMs, inferMs: runMs, outputMs, batchSize: rows },
    });
  }
}

/**
 * Tells the requests of the batch that it failed. Gives back those that have to run again, each alone: of a batch that the
 * model refused, only the one it refused shall fail.
 */
export function fail({ members, buffer }: Batch, error: CoveyError, memory: BatchMemory): readonly Request[] {
  const isRefused = error.code === 'INFERENCE_FAILED' || error.code === 'INPUT_INVALID';
  // After other errors a thread may still read the memory.
  if (isRefused && buffer) memory.giveBack(buffer);
  if (isRefused && members.length > 1) return members;
  for (const request of members) request.reject(error);
  return [];
}
