import { fork } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  calibrate,
  editModel,
  quantizeStatic,
  quantizeWeights,
  readModel,
  standardPasses,
  storeHalf,
  writeModel,
} from '@covey/onnx';
import {
  encodeGolden,
  type GoldenVector,
  type ModelSchema,
  type ProbeAnswer,
  type ProbeJob,
  type ProbeResult,
  type Tensor,
} from '@covey/protocol';
import { createExecution, type Execution } from '@covey/runtime';
import { InferenceSession } from 'onnxruntime-node';
import type { Figure, Result } from './figures.ts';
import { faceDetector, mnist, variedInputs } from './models.ts';
import { mlpVariants } from './quantize.ts';
import { hasPhotographs, scheme } from './quantize-face.ts';
import { median, quantile, ratioOf, spreadOf } from './statistics.ts';
import { ortTensor, type Variants } from './variants.ts';

type Sample = Record<string, Tensor>;
/** One way to run a model, open in this process. */
interface Way {
  name: string;
  session: InferenceSession;
}

const limits = { ratio: 1.02, probeMs: 10_000 };
/** Of the probe, as the agent asks for it. */
const probeLimitMs = 8_000;
const rounds = 120;
const warmRounds = 5;
const turnMs = 8;
const longestMs = 40_000;

/** What the probe chose, against the best of all ways found by many more rounds; and how long it took. */
export async function benchmarkChoice(): Promise<Result> {
  if (!hasPhotographs()) return { benchmark: 'choice', skipped: 'there are no models beside the checkout' };
  const execution = createExecution();
  const folder = await mkdtemp(join(tmpdir(), 'covey-choice-'));
  try {
    const mlp = await mlpVariants(execution);
    const vector = (name: string) => ({ name, datatype: 'FP32' as const, shape: [1, 1024] });
    const mnistVariants = { original: await bytesOf(mnist.path) };
    const cases = [
      { name: 'face', schema: faceDetector.schema, ...(await faceVariants(execution)) },
      {
        name: 'mnist',
        schema: mnist.schema,
        variants: mnistVariants,
        samples: variedInputs(mnist.schema, 8),
      },
      { name: 'mlp', schema: { inputs: [vector('x')], outputs: [vector('y')] }, ...mlp },
    ];
    const figures: Figure[] = [];
    for (const one of cases) figures.push(...(await choiceFigures(execution, folder, one)));
    return { benchmark: 'choice', figures };
  } finally {
    execution.close();
    await rm(folder, { recursive: true });
  }
}

interface Case {
  name: string;
  schema: ModelSchema;
  variants: Variants;
  samples: Sample[];
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(path));
}

async function faceVariants(execution: Execution): Promise<{ variants: Variants; samples: Sample[] }> {
  const samples = variedInputs(faceDetector.schema, 8);
  const original = await bytesOf(faceDetector.path);
  const { model } = await editModel(readModel(original), standardPasses, execution);
  const ranges = await calibrate(model, execution, samples, { method: 'minmax' });
  const weights = {
    bits: 8,
    blockSize: 32,
    form: 'blocked',
    symmetric: true,
    keep: new Set<string>(),
  } as const;
  const variants: Variants = {
    original,
    edited: writeModel(model),
    'fp16 weights': writeModel(storeHalf(model)),
    QDQ: writeModel(quantizeStatic(model, ranges, scheme)),
    'int8 weights': writeModel(quantizeWeights(model, weights)),
  };
  return { variants, samples };
}

async function choiceFigures(execution: Execution, folder: string, one: Case): Promise<Figure[]> {
  const paths: Record<string, string> = {};
  for (const [index, [variant, bytes]] of Object.entries(one.variants).entries()) {
    paths[variant] = join(folder, `${one.name}-${index}.onnx`);
    await writeFile(paths[variant], bytes);
  }
  const goldenPath = join(folder, `${one.name}.golden`);
  await writeFile(goldenPath, await goldenOf(execution, one));
  const job = jobOf(one, paths, goldenPath);
  const startedMs = performance.now();
  const results = await probed(job);
  const probeMs = performance.now() - startedMs;
  // What the probe had no time for may be the best too.
  const isRight = ({ ok, reason }: ProbeResult) => ok || reason?.startsWith('DEADLINE_EXCEEDED');
  const timed = results.filter((result) => isRight(result) && result.provider === 'cpu');
  const chosen = timed.findIndex((result) => result.chosen);
  if (chosen < 0) throw new Error(`${one.name}: ${results.map(({ reason }) => reason).join('; ')}`);
  const latencies = await raceAll(
    await Promise.all(timed.map((result) => openWay(result, paths))),
    one.samples,
  );
  return figuresOf(one.name, timed.map(nameOf), latencies, chosen, probeMs);
}

/** The best is found in the even rounds and compared in the odd ones: it shall not win by the luck it was picked for. */
function figuresOf(
  name: string,
  ways: string[],
  latencies: number[][],
  chosen: number,
  probeMs: number,
): Figure[] {
  const half = (values: number[] = [], odd: number) => values.filter((_, round) => round % 2 === odd);
  const medians = latencies.map((values) => median(half(values, 0)));
  const best = medians.indexOf(Math.min(...medians));
  const [own, others] = [half(latencies[chosen], 1), half(latencies[best], 1)];
  const ratio = ratioOf(own, others);
  const isAlike =
    chosen === best || leastMedian(own.map((value, i) => value / (others[i] ?? Number.NaN))) <= 1;
  return [
    {
      name: `${name}: best of ${ways.length} ways by ${latencies[0]?.length ?? 0} rounds, ${ways[best]}`,
      value: spreadOf(others),
      unit: 'ms',
    },
    {
      name: `${name}: chosen, ${ways[chosen]}${isAlike ? ' (the best, or inside its interval)' : ''}`,
      value: spreadOf(own),
      unit: 'ms',
      baseline: { name: 'best', ratio, ...(!isAlike && { limit: limits.ratio }) },
    },
    {
      name: `${name}: the probe, from start to end`,
      value: spreadOf([probeMs]),
      unit: 'ms',
      baseline: { name: '10 s', ratio: spreadOf([probeMs / limits.probeMs]), limit: 1 },
    },
  ];
}

/** Lower bound of the median with 95 % confidence, by order statistics (the sign test). */
function leastMedian(values: number[]): number {
  const below = values.length / 2 - 0.98 * Math.sqrt(values.length);
  return quantile(values, Math.max(0, below / values.length));
}

const nameOf = ({ variant, threads = 1 }: ProbeResult) => `${variant} x${threads}`;

function jobOf({ name, schema }: Case, paths: Record<string, string>, goldenPath: string): ProbeJob {
  const ref = { model: name, version: '1.0.0', number: 1, bundle: '0'.repeat(64) };
  // Speed is what is compared here: the budget lets every variant through.
  const tolerances = [{ kind: 'elements' as const, absolute: 1_000, relative: 1 }];
  const variants = Object.entries(paths).map(([variant, path]) => ({ name: variant, path, tolerances }));
  return { type: 'probe', limitMs: probeLimitMs, candidates: [{ ref, schema, variants, goldenPath }] };
}

async function goldenOf(execution: Execution, { variants, samples }: Case): Promise<Uint8Array> {
  const [first = new Uint8Array(0)] = Object.values(variants);
  const loaded = await execution.load(first);
  const vectors: GoldenVector[] = [];
  for (const inputs of samples.slice(0, 4)) vectors.push({ inputs, outputs: await loaded.run(inputs) });
  return encodeGolden(vectors);
}

async function probed(job: ProbeJob): Promise<ProbeResult[]> {
  const child = fork(fileURLToPath(import.meta.resolve('@covey/runtime/probe')), [], {
    serialization: 'advanced',
  });
  child.send(job);
  const answer = await new Promise<ProbeAnswer>((resolve) => child.once('message', resolve));
  if (answer.type !== 'verdict') throw new Error(answer.error.message);
  return answer.results;
}

async function openWay(result: ProbeResult, paths: Record<string, string>): Promise<Way> {
  const session = await InferenceSession.create(paths[result.variant] ?? '', {
    intraOpNumThreads: result.threads ?? 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return { name: nameOf(result), session };
}

/** Medians of rows of runs, round by round, each round on another sample. */
async function raceAll(ways: Way[], samples: Sample[]): Promise<number[][]> {
  const feeds = samples.map((sample) =>
    Object.fromEntries(Object.entries(sample).map(([name, tensor]) => [name, ortTensor(tensor)])),
  );
  const latencies: number[][] = ways.map(() => []);
  const untilMs = performance.now() + longestMs;
  for (let round = -warmRounds; round < rounds && performance.now() < untilMs; round++)
    for (let turn = 0; turn < ways.length; turn++) {
      const at = (turn + round + warmRounds) % ways.length;
      const feed = feeds[(round + warmRounds) % feeds.length] ?? {};
      const row: number[] = [];
      for (
        const fromMs = performance.now();
        row.length < 3 || (performance.now() - fromMs < turnMs && row.length < 50);
      ) {
        const startedMs = performance.now();
        await ways[at]?.session.run(feed);
        row.push(performance.now() - startedMs);
      }
      if (round >= 0) latencies[at]?.push(median(row));
    }
  for (const { session } of ways) await session.release();
  return latencies;
}
