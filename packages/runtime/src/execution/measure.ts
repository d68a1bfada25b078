import { CoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import { withModelFile } from './model-file.ts';
import { RunnerProcess } from './runner-process.ts';

export interface LatencyOptions {
  threads: number;
  /** At most: `limitMs` may end it before, but never before the first. */
  rounds: number;
  limitMs: number;
}

const loadTimeoutMs = 10 * 60_000;
/** One run more than the limit, and the runs that warm up. */
const slackMs = 5 * 60_000;

/**
 * Times models against each other in a fresh process: every round runs each once on the same sample, so the i-th numbers of
 * all belong together and their ratios are what to compare. Milliseconds per model, by round.
 * Errors: INVALID_ARGUMENT without samples; those of Execution, RUNTIME_DIED when one of them crashes.
 */
export function measureLatency(
  models: readonly Uint8Array[],
  samples: readonly Tensors[],
  { threads, rounds, limitMs }: LatencyOptions,
): Promise<number[][]> {
  return inFreshProcess(samples, async (runner) => {
    for (const [model, bytes] of models.entries())
      await withModelFile(bytes, (path) => runner.ask({ kind: 'load', model, path, threads }, loadTimeoutMs));
    const request = { models: [...models.keys()], samples: [...samples], rounds, limitMs };
    const { latenciesMs = [] } = await runner.ask({ kind: 'time', ...request }, limitMs + slackMs);
    return latenciesMs;
  });
}

/**
 * Most bytes resident while a process loads the model and runs it on the samples, over the same process without a model.
 * Errors: those of `measureLatency`.
 */
export function measurePeakMemory(
  model: Uint8Array,
  samples: readonly Tensors[],
  { threads }: Pick<LatencyOptions, 'threads'>,
): Promise<number> {
  return inFreshProcess(samples, async (runner) => {
    const { peakBytes = 0 } = await withModelFile(model, (path) =>
      runner.ask({ kind: 'peak', path, threads, samples: [...samples] }, loadTimeoutMs),
    );
    return peakBytes;
  });
}

async function inFreshProcess<T>(
  samples: readonly Tensors[],
  measure: (runner: RunnerProcess) => Promise<T>,
): Promise<T> {
  if (samples.length === 0) throw new CoveyError('INVALID_ARGUMENT', 'there is no sample to measure on');
  const runner = new RunnerProcess();
  try {
    return await measure(runner);
  } finally {
    runner.close();
  }
}
