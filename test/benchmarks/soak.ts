import { setImmediate } from 'node:timers/promises';
import { open, type Runtime, tensor } from '@covey/runtime';
import type { Figure } from './figures.ts';
import { spreadOf } from './statistics.ts';

/** `COVEY_SOAK_REQUESTS=3000000` makes a day of it. */
const requests = Number(process.env.COVEY_SOAK_REQUESTS ?? 60_000);
/** One swap for so many requests; 1,000 of them need twenty million at that rate, or `COVEY_SOAK_SWAPS`. */
const swaps = Number(process.env.COVEY_SOAK_SWAPS ?? 20);
const clients = 16;
const samples = 40;
/** Resident memory of the last quarter, to that of the third: some dozens of swaps fill the allocator's arenas first. */
const growthLimit = 1.05;

/** Requests without end while versions are swapped: none may fail, each answer must be its own, and memory must not grow. */
export async function soakFigures(path: string, width: number): Promise<Figure[]> {
  const model = (version: number) => ({ name: 'model', path, version: `${version}.0.0` });
  const runtime = await open([model(1)]);
  try {
    const expected = await expectedAnswers(runtime, width);
    const residentMb: number[] = [];
    let asked = 0;
    let isOver = false;
    const client = async () => {
      for (; asked < requests || !isOver; asked++) {
        const at = asked % expected.length;
        const { outputs } = await runtime.infer('model', inputOf(at, width));
        const found = new Float32Array(outputs.y?.data.slice(0, 4).buffer ?? new ArrayBuffer(4))[0] ?? 0;
        if (Math.abs(found - (expected[at] ?? 0)) > 1e-3)
          throw new Error('an answer was that of another request');
        if (asked % Math.ceil(requests / samples) === 0) residentMb.push(process.memoryUsage.rss() / 2 ** 20);
      }
    };
    const load = Array.from({ length: clients }, client);
    const swapsMs: number[] = [];
    for (let swap = 1; swap <= swaps; swap++) {
      while (asked < (requests * swap) / (swaps + 1)) await setImmediate();
      const startedMs = performance.now();
      await runtime.replace([model(1 + (swap % 2))]);
      swapsMs.push(performance.now() - startedMs);
    }
    isOver = true;
    await Promise.all(load);
    const quarter = Math.floor(residentMb.length / 4);
    const before = spreadOf(residentMb.slice(-2 * quarter, -quarter));
    const after = residentMb.slice(-quarter);
    return [
      { name: `swap under load (${swaps} of them, no request failed)`, value: spreadOf(swapsMs), unit: 'ms' },
      {
        name: `resident after ${asked} requests`,
        value: spreadOf(after),
        unit: 'MB',
        baseline: {
          name: 'in the quarter before',
          ratio: spreadOf(after.map((mb) => mb / before.median)),
          limit: growthLimit,
        },
      },
    ];
  } finally {
    await runtime.close();
  }
}

function inputOf(at: number, width: number) {
  return {
    x: tensor(
      Float32Array.from({ length: width }, (_, i) => Math.sin(i * (at + 1))),
      [1, width],
    ),
  };
}

/** The first element of each answer, asked one by one. */
async function expectedAnswers(runtime: Runtime, width: number): Promise<number[]> {
  const answers: number[] = [];
  for (let at = 0; at < 16; at++) {
    const { outputs } = await runtime.infer('model', inputOf(at, width));
    answers.push(new Float32Array(outputs.y?.data.slice(0, 4).buffer ?? new ArrayBuffer(4))[0] ?? Number.NaN);
  }
  return answers;
}
