import { toCoveyError } from '@covey/protocol';
import { PlacementReader, warmUp } from '../executor/index.ts';
import { median } from '../measure/index.ts';
import { nodePlatform, openExactly, Throwaway } from '../node/index.ts';
import {
  type Check,
  compareWithGolden,
  type OpenTrial,
  readGolden,
  type Trial,
  type TrialSpec,
  type Vector,
} from '../probe/index.ts';

/** Asked of a throwaway process. */
export type TrialRequest = { type: 'open'; spec: TrialSpec } | { type: 'turn'; round: number; runs: number };

/** On the CPU in this thread; what else there is may crash, or never end, and gets a process of its own. */
export const openNodeTrial: OpenTrial = (spec, vectors, timeLeftMs) =>
  spec.provider === 'cpu' ? openTrial(spec, vectors) : openThrowawayTrial(spec, timeLeftMs);

/** A trial on the calling thread. */
async function openTrial(spec: TrialSpec, vectors: readonly Vector[]): Promise<Trial> {
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

/** A trial in a process of its own. */
async function openThrowawayTrial(spec: TrialSpec, timeLeftMs: () => number): Promise<Trial> {
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
      trial = await openTrial(
        request.spec,
        goldenPath === undefined ? [] : await readGolden(nodePlatform.files, goldenPath),
      );
      return trial.check;
    }
    if (!trial) throw toCoveyError(new Error('no trial is open'));
    return trial.turn(request.round, request.runs);
  };
}
