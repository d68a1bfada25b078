import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  calibrate,
  editModel,
  type Model,
  quantizeStatic,
  readModel,
  type Sample,
  type StaticOptions,
  searchPrecision,
  standardPasses,
  staticSchemes,
  storeHalf,
  writeModel,
} from '@covey/onnx';
import type { ImagePreprocessing, Tensor } from '@covey/protocol';
import { type Execution, measureLatency, preprocessImage } from '@covey/runtime';
import { photographForm } from '../journeys/faces.ts';
import type { Figure } from './figures.ts';
import { faceDetector } from './models.ts';
import { medianInterval, ratioOf, spreadOf } from './statistics.ts';
import { comparisonFigures, floatsOf, type Variants } from './variants.ts';

const imageFolder = join(faceDetector.path, '..', '..', 'images');
/** Latency and size to the original's, latency to the edited model's, and how far answers may be off. */
const limits = { latency: 0.8, size: 0.38, toEdited: 1, score: 0.02, pixels: 2, quantizingMs: 20_000 };
/** Pictures to calibrate on: others than those that are compared, though of the same photographs. */
const cropCount = 64;

export const scheme: StaticOptions = {
  activations: 'uint8',
  activationsSymmetric: false,
  weights: 'int7',
  weightsSymmetric: true,
  perChannel: true,
  keep: new Set(),
};

export function hasPhotographs(): boolean {
  return existsSync(imageFolder);
}

/** The face detector, quantized as `covey model quantize` does it, and with nothing left in fp32. */
export async function faceFigures(execution: Execution): Promise<Figure[]> {
  const files = readdirSync(imageFolder).map((file) => readFileSync(join(imageFolder, file)));
  const photographs = await Promise.all(files.map((file) => preparedAs(file, photographForm)));
  const crops = await cropsOf(files);
  const original = new Uint8Array(readFileSync(faceDetector.path));
  const startedMs = performance.now();
  const { model } = await editModel(readModel(original), standardPasses, execution);
  const { smallest, fastest } = await searched(model, execution, crops, photographs);
  const quantizingMs = performance.now() - startedMs;
  const ranges = await calibrate(model, execution, crops, { method: 'minmax' });
  const variants: Variants = {
    original,
    'edited fp32': writeModel(model),
    'fp16 weights': writeModel(storeHalf(model)),
    'all on integers': writeModel(quantizeStatic(model, ranges, scheme)),
    'QDQ, smallest found': writeModel(smallest),
    'QDQ, fastest found': writeModel(fastest),
  };
  const errors = await faceErrors(execution, variants, photographs);
  // One variant keeps them all; what is faster still may be larger.
  const toOriginal = { of: 'QDQ, smallest', latency: limits.latency, size: limits.size };
  return [
    ...(await comparisonFigures({ name: 'face', variants, samples: photographs, limits: toOriginal })),
    ...(await toEditedFigures(variants, photographs)),
    ...errors,
    {
      name: `face: editing, calibrating on ${cropCount} pictures, searching`,
      value: spreadOf([quantizingMs]),
      unit: 'ms',
      baseline: { name: '20 s', ratio: spreadOf([quantizingMs / limits.quantizingMs]), limit: 1 },
    },
  ];
}

/** Run by run in turns: what is to be told apart is a few percent, which rows of runs lose in the noise of a busy machine. */
async function toEditedFigures(variants: Variants, photographs: readonly Sample[]): Promise<Figure[]> {
  const compared = Object.entries(variants).filter(([name]) => /edited|QDQ/.test(name));
  const files = compared.map(([, bytes]) => bytes);
  const timing = { threads: 1, rounds: 600, limitMs: 20_000 };
  const [edited = [], ...others] = await measureLatency(files, photographs, timing);
  return others.map((latenciesMs, i) => ({
    name: `face, to the edited: ${compared[i + 1]?.[0]}`,
    value: spreadOf(latenciesMs),
    unit: 'ms',
    baseline: { name: 'edited fp32', ratio: ratioOf(latenciesMs, edited), limit: limits.toEdited },
  }));
}

async function searched(
  model: Model,
  execution: Execution,
  crops: readonly Sample[],
  photographs: readonly Sample[],
): Promise<{ smallest: Model; fastest: Model }> {
  const result = await searchPrecision({
    model,
    execution,
    calibrationSamples: crops,
    samples: photographs,
    budget: { maxAbsolute: limits.score, outputs: ['scores'] },
    schemes: staticSchemes,
    measure: async (models) => {
      const timing = { threads: 1, rounds: 80, limitMs: 2_500 };
      const latenciesMs = await measureLatency(models, photographs.slice(0, 4), timing);
      const [first = []] = latenciesMs;
      return latenciesMs.map((values) =>
        medianInterval(values.map((value, i) => value / (first[i] ?? Number.NaN))),
      );
    },
  });
  if (!result.found) throw new Error(result.reason);
  return { smallest: result.smallest.model, fastest: result.fastest.model };
}

async function preparedAs(file: Uint8Array, form: ImagePreprocessing): Promise<Sample> {
  return { input: await preprocessImage(file, form) };
}

/** Photographs in other sizes, and parts of them. */
async function cropsOf(files: readonly Uint8Array[]): Promise<Sample[]> {
  const crops: Sample[] = [];
  for (let i = 0; i < cropCount; i++) {
    const [width, height] = [340 + ((i * 37) % 240), 260 + ((i * 53) % 180)];
    const file = files[i % files.length];
    if (file === undefined) throw new Error('there are no photographs');
    const { input } = await preparedAs(file, { ...photographForm, width, height });
    if (input)
      crops.push({ input: cropped(input, width, (i * 29) % (width - 320), (i * 31) % (height - 240)) });
  }
  return crops;
}

function cropped({ data, shape }: Tensor, width: number, left: number, top: number): Tensor {
  const pixels = floatsOf({ datatype: 'FP32', shape, data });
  const rows = pixels.length / 3 / width;
  const part = new Float32Array(3 * 240 * 320);
  for (let row = 0; row < 3 * 240; row++) {
    const start = (Math.floor(row / 240) * rows + top + (row % 240)) * width + left;
    part.set(pixels.subarray(start, start + 320), row * 320);
  }
  return { datatype: 'FP32', shape: [1, 3, 240, 320], data: new Uint8Array(part.buffer) };
}

type Answers = Record<string, Float32Array>[];

/** How far scores are off, and boxes of what is detected, in pixels: the worst on all photographs, by variant. */
async function faceErrors(
  execution: Execution,
  variants: Variants,
  samples: readonly Sample[],
): Promise<Figure[]> {
  const answers: Record<string, Answers> = {};
  for (const [variant, bytes] of Object.entries(variants)) {
    const loaded = await execution.load(bytes);
    const found: Answers = [];
    for (const sample of samples) {
      const outputs = Object.entries(await loaded.run(sample));
      found.push(Object.fromEntries(outputs.map(([output, tensor]) => [output, floatsOf(tensor)])));
    }
    await loaded.release();
    answers[variant] = found;
  }
  return Object.entries(answers)
    .slice(1)
    .flatMap(([variant, found]) => errorFigures(variant, worstErrors(found, answers.original ?? [])));
}

function errorFigures(variant: string, { score, pixels }: { score: number; pixels: number }): Figure[] {
  const limit = variant.startsWith('QDQ') ? { limit: 1 } : {};
  return [
    {
      name: `face: ${variant}, worst score`,
      value: spreadOf([score * 100]),
      unit: '%',
      baseline: { name: `the allowed ${limits.score}`, ratio: spreadOf([score / limits.score]), ...limit },
    },
    {
      name: `face: ${variant}, worst box`,
      value: spreadOf([pixels]),
      unit: 'px',
      baseline: { name: `the allowed ${limits.pixels}`, ratio: spreadOf([pixels / limits.pixels]), ...limit },
    },
  ];
}

function worstErrors(found: Answers, wanted: Answers): { score: number; pixels: number } {
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
  return { score, pixels };
}
