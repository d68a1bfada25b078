import { open } from '@covey/runtime';
import type { BareReady, BareRuns, BareStart } from './bare.ts';
import type { Figure } from './figures.ts';
import { mnist, variedInputs } from './models.ts';
import { startProgram } from './program.ts';
import { median, spreadOf } from './statistics.ts';

const rounds = 30;
const warmRounds = 5;
const runsPerRound = 100;
/** Over the bare loop. */
const longestMs = 0.2;

/** What the way to a thread and back, checks and measurements add to the bare loop, one request after the other. */
export async function workerFigures(): Promise<Figure[]> {
  const program = startProgram(import.meta.resolve('./bare.ts'));
  const runtime = await open([{ name: 'mnist', path: mnist.path }]);
  try {
    const start: BareStart = { path: mnist.path, schema: mnist.schema, inputCount: 4, options: 'device' };
    await program.ask<BareReady>(start);
    const inputs = variedInputs(mnist.schema, 4);
    const bare: number[] = [];
    const served: number[] = [];
    for (let round = -warmRounds; round < rounds; round++) {
      const { latenciesMs } = await program.ask<BareRuns>({ runs: runsPerRound });
      const servedMs: number[] = [];
      for (let run = 0; run < runsPerRound; run++) {
        const startedMs = performance.now();
        await runtime.infer('mnist', inputs[run % inputs.length] ?? {});
        servedMs.push(performance.now() - startedMs);
      }
      if (round < 0) continue;
      bare.push(median(latenciesMs));
      served.push(median(servedMs));
    }
    const added = served.map((ms, round) => ms - (bare[round] ?? 0));
    return [
      { name: 'mnist: bare loop', value: spreadOf(bare), unit: 'ms' },
      {
        name: 'mnist: added by the embedded runtime, in a worker',
        value: spreadOf(added),
        unit: 'ms',
        baseline: { name: `${longestMs} ms`, ratio: spreadOf(added.map((ms) => ms / longestMs)), limit: 1 },
      },
    ];
  } finally {
    await runtime.close();
    await program.stop();
  }
}
