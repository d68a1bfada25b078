import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  calibrate,
  editModel,
  GraphBuilder,
  type Model,
  quantizeDynamic,
  quantizeStatic,
  quantizeWeights,
  readModel,
  type Sample,
  type StaticOptions,
  standardPasses,
  storeHalf,
  unprofitableNodes,
  writeModel,
} from '@covey/onnx';
import type { ImagePreprocessing, Tensor } from '@covey/protocol';
import { createExecution, type Execution, preprocessImage } from '@covey/runtime';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Figure, Result } from './figures.ts';
import { faceDetector } from './models.ts';
import { median, ratioOf, spreadOf } from './statistics.ts';

const imageFolder = join(faceDetector.path, '..', '..', 'images');
const timing = { rounds: 80, warmRounds: 5, runsPerRound: 5, longestMs: 20_000 };
/** Those of the issue: latency and size to the original's. */
const limits = { faceLatency: 0.8, faceSize: 0.38, mlpLatency: 0.33 };
const mlpSize = 1024;

const scheme: StaticOptions = {
  activations: 'uint8',
  activationsSymmetric: false,
  weights: 'int8',
  weightsSymmetric: true,
  perChannel: true,
  keep: new Set(),
};

/** As the detector's publisher prepares photographs. */
const photographForm: ImagePreprocessing = {
  kind: 'image',
  width: 320,
  height: 240,
  fit: 'stretch',
  interpolation: 'bilinear',
  channels: 'rgb',
  layout: 'nchw',
  datatype: 'FP32',
  mean: [127],
  scale: [128],
};

/** Variants of a model; the first is what the others are compared with. */
type Variants = Record<string, Uint8Array>;

/** Quantized models against the fp32 they were made from: latency side by side, size, and how far their answers are off. */
export async function benchmarkQuantize(): Promise<Result> {
  if (!existsSync(imageFolder)) return { benchmark: 'quantize', skipped: `there is no ${imageFolder}` };
  const execution = createExecution();
  const figures = [...(await faceFigures(execution)), ...(await mlpFigures(execution))];
  return { benchmark: 'quantize', figures };
}

async function faceFigures(execution: Execution): Promise<Figure[]> {
  const photographs: Sample[] = [];
  for (const file of readdirSync(imageFolder))
    photographs.push({ input: await preprocessImage(readFileSync(join(imageFolder, file)), photographForm) });
  const original = new Uint8Array(readFileSync(faceDetector.path));
  const { model } = await editModel(readModel(original), standardPasses, execution);
  const ranges = await calibrate(model, execution, photographs, { method: 'minmax' });
  const keep = unprofitableNodes(model);
  const variants: Variants = {
    original,
    'edited fp32': writeModel(model),
    'fp16 weights': writeModel(storeHalf(model)),
    'QDQ of all': writeModel(quantizeStatic(model, ranges, scheme)),
    'QDQ where it pays, rest fp16': writeModel(storeHalf(quantizeStatic(model, ranges, { ...scheme, keep }))),
  };
  const notes = await faceErrors(execution, variants, photographs);
  return figuresOf('face', variants, photographs, notes, limits.faceLatency, limits.faceSize);
}

async function mlpFigures(execution: Execution): Promise<Figure[]> {
  const model = mlp();
  const samples = Array.from({ length: 8 }, (_, i) => ({ x: wave([1, mlpSize], i * 1.7, 1) }));
  const ranges = await calibrate(model, execution, samples, { method: 'minmax' });
  const keep = new Set<string>();
  const weights = { blockSize: 32, form: 'matmul-nbits', symmetric: true, keep } as const;
  const variants: Variants = {
    original: writeModel(model),
    QDQ: writeModel(quantizeStatic(model, ranges, scheme)),
    dynamic: writeModel(quantizeDynamic(model, { weights: 'int8', perChannel: true, keep })),
    'int8 weights': writeModel(quantizeWeights(model, { ...weights, bits: 8 })),
    'int4 weights': writeModel(quantizeWeights(model, { ...weights, bits: 4 })),
  };
  return figuresOf('mlp', variants, samples, {}, limits.mlpLatency, undefined);
}

async function figuresOf(
  name: string,
  variants: Variants,
  samples: readonly Sample[],
  notes: Record<string, string>,
  latencyLimit: number,
  sizeLimit: number | undefined,
): Promise<Figure[]> {
  const names = Object.keys(variants);
  const latencies = await race(Object.values(variants), samples);
  const [first = []] = latencies;
  const sizes = Object.values(variants).map(({ byteLength }) => byteLength);
  const [firstSize = 1] = sizes;
  return names.flatMap((variant, i): Figure[] => {
    const [values = [], size = 0] = [latencies[i], sizes[i]];
    const label = `${name}: ${variant}${notes[variant] ?? ''}`;
    const isQdq = variant.startsWith('QDQ');
    if (i === 0) return [{ name: label, value: spreadOf(values), unit: 'ms' }];
    const compared = (ratio: Figure['value'], limit: number | undefined) => ({
      baseline: { name: names[0] ?? '', ratio, ...(isQdq && limit !== undefined && { limit }) },
    });
    return [
      { name: label, value: spreadOf(values), unit: 'ms', ...compared(ratioOf(values, first), latencyLimit) },
      {
        name: `${name}: ${variant}, size`,
        value: spreadOf([size]),
        unit: 'bytes',
        ...compared(spreadOf([size / firstSize]), sizeLimit),
      },
    ];
  });
}

/** Medians of every round, by model. In rows, so that a model finds its weights in the caches, as a busy device does. */
async function race(models: readonly Uint8Array[], samples: readonly Sample[]): Promise<number[][]> {
  const sessions = await Promise.all(
    models.map((bytes) =>
      InferenceSession.create(bytes, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      }),
    ),
  );
  const feeds = samples.map((sample) =>
    Object.fromEntries(
      Object.entries(sample).map(([name, { shape, data }]) => [
        name,
        new OrtTensor('float32', floatsOf(data), shape),
      ]),
    ),
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

/** How far scores are off, and boxes of what was detected, in pixels: the worst on all photographs, by variant. */
async function faceErrors(
  execution: Execution,
  variants: Variants,
  samples: readonly Sample[],
): Promise<Record<string, string>> {
  const answers: Record<string, Record<string, Float32Array>[]> = {};
  for (const [variant, bytes] of Object.entries(variants)) {
    const loaded = await execution.load(bytes);
    const found: Record<string, Float32Array>[] = [];
    for (const sample of samples) {
      const outputs = Object.entries(await loaded.run(sample));
      found.push(Object.fromEntries(outputs.map(([output, { data }]) => [output, floatsOf(data)])));
    }
    await loaded.release();
    answers[variant] = found;
  }
  return Object.fromEntries(
    Object.entries(answers)
      .slice(1)
      .map(([variant, found]) => [variant, errorNote(found, answers.original ?? [])]),
  );
}

function errorNote(
  found: readonly Record<string, Float32Array>[],
  wanted: readonly Record<string, Float32Array>[],
): string {
  let score = 0;
  let pixels = 0;
  for (const [i, { scores = new Float32Array(), boxes = new Float32Array() }] of wanted.entries()) {
    const other = found[i];
    for (const [at, value] of scores.entries())
      score = Math.max(score, Math.abs((other?.scores?.[at] ?? Number.NaN) - value));
    for (const [at, value] of boxes.entries()) {
      if ((scores[2 * Math.floor(at / 4) + 1] ?? 0) <= 0.5) continue;
      const side = at % 2 === 0 ? photographForm.width : photographForm.height;
      pixels = Math.max(pixels, Math.abs((other?.boxes?.[at] ?? Number.NaN) - value) * side);
    }
  }
  return ` (scores within ${score.toFixed(3)}, boxes within ${pixels.toFixed(2)} px)`;
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** Two layers of 1024, for a batch of one. */
function mlp(): Model {
  const builder = new GraphBuilder('mlp');
  builder.input({ name: 'x', datatype: 'FP32', shape: [1, mlpSize] });
  for (const layer of [1, 2]) {
    builder.initializer(`w${layer}`, wave([mlpSize, mlpSize], layer, 0.05));
    builder.initializer(`b${layer}`, wave([mlpSize], layer + 0.5, 0.1));
  }
  builder.node('Gemm', ['x', 'w1', 'b1'], 'h1');
  builder.node('Relu', ['h1'], 'r1');
  builder.node('Gemm', ['r1', 'w2', 'b2'], 'h2');
  builder.node('Relu', ['h2'], 'y');
  builder.output({ name: 'y', datatype: 'FP32', shape: [1, mlpSize] });
  return builder.build();
}

/** Numbers in -size..size that look random. */
function wave(shape: number[], phase: number, size: number): Tensor {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  const elements = Float32Array.from({ length: count }, (_, i) => size * Math.sin(i * i * 0.37 + phase));
  return { datatype: 'FP32', shape, data: new Uint8Array(elements.buffer) };
}
