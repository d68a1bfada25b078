import type { Tensor } from '@covey/protocol';
import { open, type Runtime } from '@covey/runtime';
import type { BatchedModel } from './batching.ts';
import type { Figure } from './figures.ts';
import { quantile, spreadOf } from './statistics.ts';

const rounds = 5;
const saturatingMs = 1_000;
const overloadMs = 1_500;
const overload = 2;
const longestMs = 50;
/** Requests that come between two looks at the clock, as sockets give them: this thread asks and answers. */
const burst = 64;

/** Latencies of the answered when twice as much is asked as can be answered, at an even pace whatever happens. */
export async function overloadFigures({ name, file, inputs }: BatchedModel): Promise<Figure[]> {
  const runtime = await open([{ name: 'model', path: file }]);
  try {
    // The first second teaches it.
    await answersPerMs(runtime, inputs);
    const capacity = await answersPerMs(runtime, inputs);
    const p99Ms: number[] = [];
    let asked = 0;
    let answered = 0;
    let durationMs = 0;
    for (let round = 0; round < rounds; round++) {
      const poured = await pour(runtime, inputs, capacity * overload);
      asked += poured.asked;
      answered += poured.answered.length;
      durationMs += poured.durationMs;
      p99Ms.push(quantile(poured.answered, 0.99));
    }
    const refused = ((100 * (asked - answered)) / asked).toFixed(0);
    const load = (asked / durationMs / capacity).toFixed(1);
    return [
      {
        name: `${name}: p99 at ${load} times the saturating load (${refused} % refused, none lost)`,
        value: spreadOf(p99Ms),
        unit: 'ms',
        baseline: { name: `${longestMs} ms`, ratio: spreadOf(p99Ms.map((ms) => ms / longestMs)), limit: 1 },
      },
    ];
  } finally {
    await runtime.close();
  }
}

async function answersPerMs(runtime: Runtime, inputs: readonly Record<string, Tensor>[]): Promise<number> {
  let answers = 0;
  const startedMs = performance.now();
  const client = async (id: number) => {
    for (let at = id; performance.now() - startedMs < saturatingMs; at++) {
      await runtime.infer('model', inputs[at % inputs.length] ?? {});
      answers++;
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, id) => client(id)));
  return answers / (performance.now() - startedMs);
}

/** Asks `perMs` requests a millisecond. Errors: a request that was neither answered nor refused as OVERLOADED. */
async function pour(
  runtime: Runtime,
  inputs: readonly Record<string, Tensor>[],
  perMs: number,
): Promise<{ asked: number; answered: number[]; durationMs: number }> {
  const answered: number[] = [];
  let refused = 0;
  const pending: Promise<void>[] = [];
  const ask = async (at: number) => {
    const askedMs = performance.now();
    try {
      await runtime.infer('model', inputs[at % inputs.length] ?? {});
      answered.push(performance.now() - askedMs);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'OVERLOADED') throw error;
      refused++;
    }
  };
  const startedMs = performance.now();
  let due = 0;
  for (let elapsedMs = 0; elapsedMs < overloadMs; ) {
    const count = Math.min(burst, Math.floor(due));
    for (let asking = 0; asking < count; asking++) pending.push(ask(pending.length));
    await new Promise((resolve) => setImmediate(resolve));
    const nowMs = performance.now() - startedMs;
    // What this thread was too busy to ask is not made up for, or it would do nothing but ask.
    due = Math.min(2 * burst, due - count + (nowMs - elapsedMs) * perMs);
    elapsedMs = nowMs;
  }
  const durationMs = performance.now() - startedMs;
  await Promise.all(pending);
  const lost = pending.length - answered.length - refused;
  if (lost !== 0) throw new Error(`${lost} requests were neither answered nor refused`);
  return { asked: pending.length, answered, durationMs };
}
