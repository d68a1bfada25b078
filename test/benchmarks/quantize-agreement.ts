import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  calibrate,
  editModel,
  type Model,
  quantizeDynamic,
  quantizeStatic,
  quantizeWeights,
  type Ranges,
  readModel,
  removeZipMap,
  type Sample,
  standardPasses,
  storeHalf,
  unprofitableNodes,
  writeModel,
} from '@covey/onnx';
import type { Tensor } from '@covey/protocol';
import { createExecution, type Execution } from '@covey/runtime';
import { drawDigit, drawnDigits } from '../journeys/digits.ts';
import type { Run } from '../journeys/inference.ts';
import { speechProbabilities, speechWindows } from '../journeys/speech.ts';
import type { Figure, Result } from './figures.ts';
import { mnist } from './models.ts';
import { spreadOf } from './statistics.ts';
import { comparisonFigures, floatsOf, type Variants } from './variants.ts';

const modelFolder = join(mnist.path, '..');
const speechPath = join(modelFolder, '..', 'audio', 'speech-16k.wav');
/** The best of the voice detector's variants on integers, ||p - p0|| / ||p0||; answers that may differ, but for int4. */
const limits = { voiceError: 0.01, otherAnswers: 0 };
/** Calibration hears every n-th window. */
const calibrationStep = 8;
const decision = 0.5;

/** Quantized models against the originals on data that mean something: decisions, errors, latency, size. */
export async function benchmarkQuantizeAgreement(): Promise<Result> {
  const benchmark = 'quantize-agreement';
  if (!existsSync(speechPath)) return { benchmark, skipped: `there is no ${speechPath}` };
  const execution = createExecution();
  try {
    const figures = [
      ...(await digitFigures(execution)),
      ...(await irisFigures(execution)),
      ...(await voiceFigures(execution)),
    ];
    return { benchmark, figures };
  } finally {
    execution.close();
  }
}

const read = (file: string) => new Uint8Array(readFileSync(join(modelFolder, `${file}.onnx`)));

/** The file as it is, edited, and in every form it can be quantized to. */
function variantsOf(original: Uint8Array, model: Model, ranges: Ranges): Variants {
  const keep = new Set<string>();
  const scheme = {
    activations: 'uint8',
    activationsSymmetric: false,
    weights: 'int7',
    weightsSymmetric: true,
    perChannel: true,
  } as const;
  const stored = { blockSize: 32, symmetric: false, keep } as const;
  return {
    original,
    'edited fp32': writeModel(model),
    'fp16 weights': writeModel(storeHalf(model)),
    QDQ: writeModel(quantizeStatic(model, ranges, { ...scheme, keep })),
    'QDQ where it pays': writeModel(
      quantizeStatic(model, ranges, { ...scheme, keep: unprofitableNodes(model) }),
    ),
    dynamic: writeModel(quantizeDynamic(model, { weights: 'int7', perChannel: true, keep })),
    'int8 weights': writeModel(quantizeWeights(model, { ...stored, bits: 8, form: 'matmul-nbits' })),
    'int4 weights': writeModel(quantizeWeights(model, { ...stored, bits: 4, form: 'matmul-nbits' })),
  };
}

/** A share of answers, or an error, in percent; its ratio is to all answers, or to what is allowed. */
function percentFigure(name: string, share: number, to: string, allowed: number, limit?: number): Figure {
  const ratio = spreadOf([share / allowed]);
  return {
    name,
    value: spreadOf([100 * share]),
    unit: '%',
    baseline: { name: to, ratio, ...(limit !== undefined && { limit }) },
  };
}

function fp32(shape: number[], elements: Float32Array): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(elements.slice().buffer) };
}

/** Drawn digits, each in the middle and moved by up to two pixels: what the model was made for, drawn by nobody it saw. */
function digitPictures(): Sample[] {
  const [input] = mnist.schema.inputs;
  const moves = [-2, -1, 0, 1, 2];
  return drawnDigits.flatMap((digit) => {
    const picture = drawDigit(digit);
    return moves.flatMap((down) =>
      moves.map((right) => {
        const moved = Float32Array.from({ length: 28 * 28 }, (_, i) => {
          const [y, x] = [Math.floor(i / 28) - down, (i % 28) - right];
          return y < 0 || y >= 28 || x < 0 || x >= 28 ? 0 : (picture[y * 28 + x] ?? 0);
        });
        return { [input?.name ?? '']: fp32([1, 1, 28, 28], moved) };
      }),
    );
  });
}

async function digitFigures(execution: Execution): Promise<Figure[]> {
  const original = read('mnist');
  const samples = digitPictures();
  const { model } = await editModel(readModel(original), standardPasses, execution);
  const calibration = samples.filter((_, i) => i % calibrationStep === 0);
  const variants = variantsOf(
    original,
    model,
    await calibrate(model, execution, calibration, { method: 'minmax' }),
  );
  const answers: Record<string, number[]> = {};
  for (const [variant, bytes] of Object.entries(variants)) {
    const outputs = await answersOf(execution, bytes, samples);
    answers[variant] = outputs.map((output) => {
      const scores = Object.values(output).map(floatsOf).at(0) ?? new Float32Array();
      return scores.indexOf(Math.max(...scores));
    });
  }
  return [
    ...(await comparisonFigures({ name: 'mnist', variants, samples: samples.slice(0, 16) })),
    ...otherAnswers('mnist', answers, limits.otherAnswers),
  ];
}

const isOnIntegers = (variant: string) => !/fp(16|32)/.test(variant);

/** How many decisions of each variant are not the first's. */
function otherAnswers(name: string, answers: Record<string, readonly unknown[]>, limit?: number): Figure[] {
  const [[first, wanted = []] = ['', []], ...others] = Object.entries(answers);
  return others.map(([variant, given]) => {
    const share = given.filter((answer, i) => answer !== wanted[i]).length / wanted.length;
    const label = `${name}: ${variant}, answers unlike the ${first}'s`;
    return percentFigure(label, share, 'all answers', 1, variant === 'int4 weights' ? undefined : limit);
  });
}

async function answersOf(
  execution: Execution,
  bytes: Uint8Array,
  samples: readonly Sample[],
): Promise<Record<string, Tensor>[]> {
  const loaded = await execution.load(bytes);
  const answers: Record<string, Tensor>[] = [];
  for (const sample of samples) answers.push(await loaded.run(sample));
  await loaded.release();
  return answers;
}

/** Lengths and widths of sepals and petals, cm: from the smallest to the largest of Fisher's 150 flowers. */
const flowerRanges: readonly (readonly [least: number, most: number])[] = [
  [4.3, 7.9],
  [2, 4.4],
  [1, 6.9],
  [0.1, 2.5],
];
const flowerSteps = 6;

function flowers(): Sample[] {
  return Array.from({ length: flowerSteps ** flowerRanges.length }, (_, at) => {
    const sizes = flowerRanges.map(([least, most], axis) => {
      const step = Math.floor(at / flowerSteps ** axis) % flowerSteps;
      return least + ((most - least) * step) / (flowerSteps - 1);
    });
    return { X: fp32([1, 4], Float32Array.from(sizes)) };
  });
}

/** A forest has no weights to quantize; edited, its probabilities are a tensor that a device can serve. */
async function irisFigures(execution: Execution): Promise<Figure[]> {
  const original = read('iris-random-forest');
  const { model } = await editModel(readModel(original), [...standardPasses, removeZipMap], execution);
  const variants = { original, 'edited fp32': writeModel(model) };
  const samples = flowers();
  const notes = { 'edited fp32': ' (with probabilities, which Node cannot get of the original)' };
  const answers: Record<string, string[]> = {};
  for (const [variant, bytes] of Object.entries(variants)) {
    const outputs = await answersOf(execution, bytes, samples);
    answers[variant] = outputs.map(({ output_label: label }) => label?.data.join() ?? '');
  }
  return [
    ...(await comparisonFigures({ name: 'iris', variants, notes, samples: samples.slice(0, 16) })),
    ...otherAnswers('iris', answers, limits.otherAnswers),
  ];
}

/** The detector on speech, each variant with the state that it gave itself. */
async function voiceFigures(execution: Execution): Promise<Figure[]> {
  const original = read('silero-vad-16k');
  const windows = speechWindows(new Uint8Array(readFileSync(speechPath)), Number.POSITIVE_INFINITY);
  const { model } = await editModel(readModel(original), standardPasses, execution);
  const samples: Sample[] = [];
  const wanted = await hear(execution, original, windows, samples);
  const calibration = samples.filter((_, i) => i % calibrationStep === 0);
  const variants = variantsOf(
    original,
    model,
    await calibrate(model, execution, calibration, { method: 'minmax' }),
  );
  const decisions: Record<string, boolean[]> = {};
  const errors: Record<string, number> = {};
  for (const [variant, bytes] of Object.entries(variants)) {
    const probabilities = await hear(execution, bytes, windows);
    decisions[variant] = probabilities.map((probability) => probability > decision);
    if (variant !== 'original') errors[variant] = relativeError(probabilities, wanted);
  }
  const best = Math.min(
    ...Object.keys(errors)
      .filter(isOnIntegers)
      .map((variant) => errors[variant] ?? Number.NaN),
  );
  const { voiceError } = limits;
  return [
    ...(await comparisonFigures({ name: 'voice', variants, samples: calibration })),
    ...Object.entries(errors).map(([variant, error]) =>
      percentFigure(
        `voice: ${variant}, error`,
        error,
        'error allowed',
        voiceError,
        error === best ? 1 : undefined,
      ),
    ),
    ...otherAnswers('voice', decisions),
  ];
}

/** Probabilities of speech; `heard` gets what the model was given. */
async function hear(
  execution: Execution,
  bytes: Uint8Array,
  windows: Float32Array[],
  heard: Sample[] = [],
): Promise<number[]> {
  const loaded = await execution.load(bytes);
  const run: Run = async (inputs) => {
    const sample = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]): [string, Tensor] => [
        name,
        {
          datatype: data instanceof Float32Array ? 'FP32' : 'INT64',
          shape,
          data: new Uint8Array(data.slice().buffer),
        },
      ]),
    );
    heard.push(sample);
    const outputs = await loaded.run(sample);
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, floatsOf(tensor)]));
  };
  const probabilities = await speechProbabilities(run, windows);
  await loaded.release();
  return probabilities;
}

function relativeError(values: readonly number[], wanted: readonly number[]): number {
  const norm = (numbers: readonly number[]) => Math.hypot(...numbers);
  return norm(values.map((value, i) => value - (wanted[i] ?? Number.NaN))) / norm(wanted);
}
