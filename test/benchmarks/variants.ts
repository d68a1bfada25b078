import type { Tensor } from '@covey/protocol';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Figure } from './figures.ts';
import { median, ratioOf, spreadOf } from './statistics.ts';

const timing = { rounds: 80, warmRounds: 5, runsPerRound: 5, longestMs: 20_000 };

/** Files of one model; the first is what the others are compared with. */
export type Variants = Record<string, Uint8Array>;
type Sample = Record<string, Tensor>;

export interface Comparison {
  name: string;
  variants: Variants;
  samples: readonly Sample[];
  /** How far answers are off, by variant. */
  notes?: Record<string, string>;
  /** Of the variants that this begins the names of, or of the fastest: latency and size to the first's. */
  limits?: { of: string | 'fastest'; latency?: number; size?: number };
  /** A model of the same inputs and outputs with nothing in it: what a run costs in Node. */
  empty?: Uint8Array;
}

/** Latency side by side and size of each variant. */
export async function comparisonFigures(comparison: Comparison): Promise<Figure[]> {
  const { name, variants, samples, notes = {}, empty } = comparison;
  const names = Object.keys(variants);
  const files = Object.values(variants);
  const latencies = await race(empty ? [...files, empty] : files, samples);
  const [first = []] = latencies;
  const [firstSize = 1] = files.map(({ byteLength }) => byteLength);
  const ratios = files.map((_, i) => ratioOf(latencies[i] ?? [], first));
  const fastest = Math.min(...ratios.slice(1).map((ratio) => ratio.median));
  const floor = empty && { floor: { name: 'empty model', value: median(latencies.at(-1) ?? []) } };
  return names.flatMap((variant, i): Figure[] => {
    const label = `${name}: ${variant}`;
    const [ratio = spreadOf([1]), { byteLength = 0 } = {}] = [ratios[i], files[i]];
    const latency = {
      name: label + (notes[variant] ?? ''),
      value: spreadOf(latencies[i] ?? []),
      unit: 'ms' as const,
    };
    if (i === 0) return [{ ...latency, ...floor }];
    const limits = isLimited(comparison, variant, ratio.median === fastest) ? comparison.limits : undefined;
    const size = { name: `${label}, size`, value: spreadOf([byteLength]), unit: 'bytes' as const };
    return [
      { ...latency, ...floor, baseline: baselineOf(names[0], ratio, limits?.latency) },
      { ...size, baseline: baselineOf(names[0], spreadOf([byteLength / firstSize]), limits?.size) },
    ];
  });
}

function isLimited({ limits }: Comparison, variant: string, isFastest: boolean): boolean {
  return limits?.of === 'fastest' ? isFastest : limits !== undefined && variant.startsWith(limits.of);
}

function baselineOf(name = '', ratio: Figure['value'], limit: number | undefined) {
  return { name, ratio, ...(limit !== undefined && { limit }) };
}

/**
 * Medians of every round, by model. In rows, so that a model finds its weights in the caches, as a busy device does.
 * Tensors are made once, so that what is timed is `session.run` and nothing else.
 */
async function race(models: readonly Uint8Array[], samples: readonly Sample[]): Promise<number[][]> {
  const sessions = await Promise.all(models.map(openModel));
  const feeds = samples.map((sample) =>
    Object.fromEntries(Object.entries(sample).map(([name, tensor]) => [name, ortTensor(tensor)])),
  );
  const medians: number[][] = sessions.map(() => []);
  const untilMs = performance.now() + timing.longestMs;
  for (let round = -timing.warmRounds; round < timing.rounds && performance.now() < untilMs; round++)
    for (let turn = 0; turn < sessions.length; turn++) {
      const at = (turn + round + timing.warmRounds) % sessions.length;
      const latenciesMs: number[] = [];
      for (let run = 0; run < timing.runsPerRound; run++) {
        const feed = feeds[(round + timing.warmRounds + run) % feeds.length] ?? {};
        const startedMs = performance.now();
        await sessions[at]?.run(feed);
        latenciesMs.push(performance.now() - startedMs);
      }
      if (round >= 0) medians[at]?.push(median(latenciesMs));
    }
  await Promise.all(sessions.map((session) => session.release()));
  return medians;
}

interface OpenModel {
  run(feed: Record<string, OrtTensor>): Promise<unknown>;
  release(): Promise<void>;
}

/** On one thread, as a device serves it; outputs that are no tensors are not asked for. */
async function openModel(bytes: Uint8Array): Promise<OpenModel> {
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const outputs = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  return { run: (feed) => session.run(feed, outputs), release: () => session.release() };
}

export function ortTensor({ datatype, shape, data }: Tensor): OrtTensor {
  const { buffer } = data.slice();
  if (datatype === 'INT64') return new OrtTensor('int64', new BigInt64Array(buffer), shape);
  if (datatype === 'FP32') return new OrtTensor('float32', new Float32Array(buffer), shape);
  throw new Error(`no benchmark model takes ${datatype}`);
}

export function floatsOf({ data }: Tensor): Float32Array {
  return new Float32Array(data.slice().buffer);
}
