import {
  type ModelSchema,
  type Placement,
  type Provider,
  type Tolerance,
  toCoveyError,
} from '@covey/protocol';
import { openExactly, PlacementReader, Throwaway, warmUp } from '../executor/index.ts';
import { median } from '../measure/index.ts';
import { compareWithGolden, readGolden, type Vector } from './golden.ts';

/** A variant on one provider with so many threads. */
export interface TrialSpec {
  path: string;
  schema: ModelSchema;
  tolerances: readonly Tolerance[];
  provider: Provider;
  threads: number;
  goldenPath: string | undefined;
}

/** What loading it, warming it and running its golden vectors showed. */
export interface Check {
  /** Null without golden vectors. */
  maxError: number | null;
  memoryBytes: number;
  /** Median of the golden vectors' runs; null without any. */
  latencyMs: number | null;
}

/** A variant that computes what it should, ready to be timed. */
export interface Trial {
  check: Check;
  /** Median of `runs` runs in a row on the golden vector that is `round`'s; milliseconds. */
  turn(round: number, runs: number): Promise<number>;
  /** Ends it; says where its nodes ran, where that is not the CPU alone. */
  close(): Promise<Placement[] | undefined>;
}

/** Asked of a throwaway process. */
export type TrialRequest = { type: 'open'; spec: TrialSpec } | { type: 'turn'; round: number; runs: number };

/**
 * Loads a variant, warms it on zeros and on what its golden vectors hold, and compares. On the calling thread.
 * Errors: those of openExactly, INFERENCE_FAILED, GOLDEN_MISMATCH.
 */
export async function openTrial(spec: TrialSpec, vectors: readonly Vector[]): Promise<Trial> {
  const residentBefore = process.memoryUsage.rss();
  // In a session of its own: one that tells this also writes lines while it runs, and is slower for it.
  if (spec.provider !== 'cpu')
    await (await openExactly(spec.path, spec.schema, { ...spec, tellsPlacement: true })).release();
  const session = await openExactly(spec.path, spec.schema, spec);
  try {
    await warmUp((inputs) => session.run(inputs), spec.schema);
    let maxError: number | null = null;
    const latenciesMs: number[] = [];
    for (const { inputs, outputs } of vectors) {
      const startedMs = performance.now();
      const actual = await session.run(inputs);
      latenciesMs.push(performance.now() - startedMs);
      maxError = Math.max(maxError ?? 0, compareWithGolden(actual, outputs, spec.tolerances));
    }
    const memoryBytes = Math.max(0, process.memoryUsage.rss() - residentBefore);
    return {
      check: { maxError, memoryBytes, latencyMs: median(latenciesMs) },
      turn: async (round, runs) => {
        const inputs = vectors[round % vectors.length]?.inputs ?? {};
        const timesMs: number[] = [];
        for (let run = 0; run < runs; run++) {
          const startedMs = performance.now();
          await session.run(inputs);
          timesMs.push(performance.now() - startedMs);
        }
        return median(timesMs) ?? Number.NaN;
      },
      close: async () => {
        await session.release();
        return undefined;
      },
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/**
 * A trial in a process of its own, for what may crash it or never end; `timeLeftMs` bounds each request.
 * Errors: those of openTrial; RUNTIME_DIED, DEADLINE_EXCEEDED.
 */
export async function openThrowawayTrial(spec: TrialSpec, timeLeftMs: () => number): Promise<Trial> {
  const reader = new PlacementReader();
  const child = new Throwaway((line) => reader.read(line));
  const ask = <A>(request: TrialRequest) => child.ask<A>(request, timeLeftMs());
  try {
    const check = await ask<Check>({ type: 'open', spec });
    return {
      check,
      turn: (round, runs) => ask<number>({ type: 'turn', round, runs }),
      close: async () => {
        await child.close();
        return reader.placements;
      },
    };
  } catch (error) {
    await child.close();
    throw error;
  }
}

/** The throwaway process's side: answers requests about one trial. */
export function trialServer(): (request: TrialRequest) => Promise<Check | number> {
  let trial: Trial | undefined;
  return async (request) => {
    if (request.type === 'open') {
      const { goldenPath } = request.spec;
      trial = await openTrial(request.spec, goldenPath === undefined ? [] : await readGolden(goldenPath));
      return trial.check;
    }
    if (!trial) throw toCoveyError(new Error('no trial is open'));
    return trial.turn(request.round, request.runs);
  };
}
