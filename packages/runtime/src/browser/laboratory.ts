import type { Clock, Log } from '@covey/ports/browser';
import { type Executor, threadExecutors, warmUp } from '../executor/index.ts';
import { median } from '../measure/index.ts';
import type { Platform } from '../platform/index.ts';
import {
  compareWithGolden,
  type Laboratory,
  type OpenTrial,
  type Trial,
  type Vector,
} from '../probe/index.ts';
import { listProviders } from './backend.ts';
import { hardwareDigest } from './hardware.ts';

/** Candidates loaded at a time: each has WebAssembly of its own, and a page is not told what memory is free. */
const atATime = 4;
/** Longest time one inference may take. */
const runTimeoutMs = 30_000;
/** Clocks of pages go in steps: a run may take none, and no ratio is taken to 0. */
const leastMs = 0.001;

export interface LaboratoryOptions {
  platform: Platform;
  clock: Clock;
  log: Log;
  /** No candidate may leave work of its provider to another. */
  strict: boolean;
}

/** This page: each candidate in a worker of its own, so that what hangs is ended. */
export function webLaboratory({ platform, clock, log, strict }: LaboratoryOptions): Laboratory {
  const { cores, files } = platform;
  const startExecutor = threadExecutors(platform);
  const openTrial: OpenTrial = async (spec, vectors, timeLeftMs) => {
    const limitMs = timeLeftMs();
    const executor = await startExecutor({
      ...spec,
      strict,
      isExact: true,
      clock,
      log,
      loadTimeoutMs: limitMs,
      runTimeoutMs: Math.min(runTimeoutMs, limitMs),
      maxPending: 1,
    });
    try {
      await warmUp((inputs) => executor.run(inputs), spec.schema);
      return await checkedTrial(executor, vectors, spec.tolerances);
    } catch (error) {
      await executor.close();
      throw error;
    }
  };
  return {
    files,
    listProviders,
    hardwareDigest,
    // Without isolation there is no memory that threads could share.
    threadCounts: crossOriginIsolated ? [...new Set([1, Math.min(2, cores), cores])] : [1],
    openTrial,
    hasRoom: async (_path, loaded) => loaded < atATime,
  };
}

/** Errors: INFERENCE_FAILED, RUNTIME_DIED, DEADLINE_EXCEEDED, GOLDEN_MISMATCH. */
async function checkedTrial(
  executor: Executor,
  vectors: readonly Vector[],
  tolerances: Parameters<typeof compareWithGolden>[2],
): Promise<Trial> {
  let maxError: number | null = null;
  const latenciesMs: number[] = [];
  for (const { inputs, outputs } of vectors) {
    const { outputs: actual, runMs } = await executor.run(inputs);
    latenciesMs.push(runMs);
    maxError = Math.max(maxError ?? 0, compareWithGolden(actual, outputs, tolerances));
  }
  return {
    check: { maxError, memoryBytes: null, latencyMs: median(latenciesMs) },
    turn: async (round, runs) => {
      const inputs = vectors[round % vectors.length]?.inputs ?? {};
      let totalMs = 0;
      // A mean, since a median of steps is a step.
      for (let run = 0; run < runs; run++) totalMs += (await executor.run(inputs)).runMs;
      return Math.max(leastMs, totalMs / runs);
    },
    close: async () => {
      await executor.close();
      return undefined;
    },
  };
}
