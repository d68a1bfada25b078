import { existsSync } from 'node:fs';
import type { Tensor } from '@covey/protocol';
import { type Inference, open, type Runtime } from '@covey/runtime';
import type { BareReady, BareRuns, BareStart } from './bare.ts';
import type { Figure, Result } from './figures.ts';
import { type BenchmarkModel, faceDetector, mnist, variedInputs } from './models.ts';
import { startProgram } from './program.ts';
import { median, ratioOf, spreadOf } from './statistics.ts';

const inputCount = 4;
/** Of inline to bare latency, and what a worker may add to it. */
const limits = { inlineRatio: 1.05, workerMs: 0.2 };
const fewestRounds = 10;

/** Latencies of rows of runs, in milliseconds. */
type Contestant = (runs: number) => Promise<number[]>;
interface Medians {
  bare: number[];
  inline: number[];
  worker: number[];
}

/** `open()` against ONNX Runtime alone, one request after the other: in the same thread, and with models in threads. */
export async function benchmarkEmbedded(): Promise<Result> {
  const absent = [mnist, faceDetector].find(({ path }) => !existsSync(path));
  if (absent) return { benchmark: 'embedded', skipped: `there is no ${absent.path}` };
  const figures = [...(await measure(mnist)), ...(await measure(faceDetector))];
  return { benchmark: 'embedded', figures };
}

async function measure(model: BenchmarkModel): Promise<Figure[]> {
  const { name, path, schema } = model;
  const program = startProgram(import.meta.resolve('./bare.ts'));
  const inline = await open([{ name, path }], { inline: true });
  const worker = await open([{ name, path }]);
  try {
    const start: BareStart = { path, schema, inputCount, options: 'device' };
    const { outputs } = await program.ask<BareReady>(start);
    return figuresOf(
      model,
      await race(model, {
        bare: async (runs) => (await program.ask<BareRuns>({ runs })).latenciesMs,
        inline: loopOf(inline, model, outputs),
        worker: loopOf(worker, model, outputs),
      }),
    );
  } finally {
    await Promise.all([inline.close(), worker.close(), program.stop()]);
  }
}

function loopOf(runtime: Runtime, { name, schema }: BenchmarkModel, expected: Uint8Array[]): Contestant {
  const inputs = variedInputs(schema, inputCount).map(shared);
  const check = ({ outputs }: Inference, index: number) => {
    const bytes = Buffer.concat(schema.outputs.map((spec) => outputs[spec.name]?.data ?? new Uint8Array()));
    if (!bytes.equals(expected[index] ?? new Uint8Array()))
      throw new Error('the runtime gave other outputs than the bare loop');
  };
  return async (runs) => {
    const latenciesMs: number[] = [];
    for (let run = 0; run < runs; run++) {
      const index = run % inputCount;
      const startedMs = performance.now();
      const answer = await runtime.infer(name, inputs[index] ?? {});
      latenciesMs.push(performance.now() - startedMs);
      check(answer, index);
    }
    return latenciesMs;
  };
}

/** In memory that threads share, where an input of any size reaches the model's thread without a copy. */
function shared(inputs: Record<string, Tensor>): Record<string, Tensor> {
  const copied = Object.entries(inputs).map(([name, tensor]): [string, Tensor] => {
    const data = new Uint8Array(new SharedArrayBuffer(tensor.data.byteLength));
    data.set(tensor.data);
    return [name, { ...tensor, data }];
  });
  return Object.fromEntries(copied);
}

/** Medians of every round. Each round starts with another contestant: nobody always follows the same. */
async function race(
  { rounds, warmRounds, longestMs, runsPerRound }: BenchmarkModel,
  running: Record<keyof Medians, Contestant>,
): Promise<Medians> {
  const names = ['bare', 'inline', 'worker'] as const;
  const medians: Medians = { bare: [], inline: [], worker: [] };
  const untilMs = performance.now() + longestMs;
  for (let round = -warmRounds; round < rounds; round++) {
    if (round >= fewestRounds && performance.now() > untilMs) break;
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + warmRounds + round) % names.length] ?? 'bare';
      const latenciesMs = await running[name](runsPerRound);
      if (round >= 0) medians[name].push(median(latenciesMs));
    }
  }
  return medians;
}

function figuresOf(model: BenchmarkModel, { bare, inline, worker }: Medians): Figure[] {
  const added = worker.map((ms, round) => ms - (bare[round] ?? Number.NaN));
  const { inlineRatio, workerMs } = limits;
  return [
    { name: `${model.name}: bare loop`, value: spreadOf(bare), unit: 'ms' },
    {
      name: `${model.name}: embedded, inline`,
      value: spreadOf(inline),
      unit: 'ms',
      baseline: { name: 'bare loop', ratio: ratioOf(inline, bare), limit: inlineRatio },
    },
    {
      name: `${model.name}: embedded, in a worker`,
      value: spreadOf(worker),
      unit: 'ms',
      baseline: { name: 'bare loop', ratio: ratioOf(worker, bare) },
    },
    {
      name: `${model.name}: added by the worker`,
      value: spreadOf(added),
      unit: 'ms',
      baseline: { name: `${workerMs} ms`, ratio: spreadOf(added.map((ms) => ms / workerMs)), limit: 1 },
    },
  ];
}
