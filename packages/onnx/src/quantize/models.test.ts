import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '@covey/protocol';
import { describe, expect, test } from 'vitest';
import { calibrate } from '../calibrate/index.ts';
import { answersOf, floats, fp32, relativeError } from '../edit/edit.fixture.ts';
import { editModel, removeZipMap, standardPasses } from '../edit/index.ts';
import { ortExecution } from '../execution.fixture.ts';
import { type Model, readModel } from '../model/index.ts';
import { quantizeDynamic } from './dynamic.ts';
import { storeHalf } from './half.ts';
import { quantizeStatic, type StaticOptions } from './static.ts';
import { unprofitableNodes } from './unprofitable.ts';
import { quantizeWeights } from './weight-only.ts';

const folder = join(import.meta.dirname, '../../../../../shared/data/models');
const execution = ortExecution();
const keep = new Set<string>();
/** `npm run long`: the largest, too, which takes as long as all others. */
const isLong = process.env.COVEY_LONG !== undefined;

/** A sample of each model: a smooth wave in the sizes it takes. */
const samples: Record<string, Record<string, Tensor>> = {
  'mnist.onnx': { Input3: wave([1, 1, 28, 28]) },
  'face-rfb-320.onnx': { input: wave([1, 3, 240, 320]) },
  'silero-vad-16k.onnx': {
    input: wave([1, 512]),
    state: wave([2, 1, 128]),
    sr: { datatype: 'INT64', shape: [], data: new Uint8Array(BigInt64Array.of(16_000n).buffer) },
  },
  'iris-random-forest.onnx': { X: wave([1, 4]) },
  'light_resnet50.onnx': { 'gpu_0/data_0': wave([1, 3, 224, 224]) },
  'light_squeezenet.onnx': { data_0: wave([1, 3, 224, 224]) },
};

function wave(shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return fp32(
    shape,
    Array.from({ length: count }, (_, i) => Math.sin(i * 0.013)),
  );
}

const scheme: Omit<StaticOptions, 'keep'> = {
  activations: 'uint8',
  activationsSymmetric: false,
  weights: 'int7',
  weightsSymmetric: true,
  perChannel: true,
};
const staticSchemes: Record<string, Omit<StaticOptions, 'keep'>> = {
  'u8s7 per channel': scheme,
  'u8s7 per tensor': { ...scheme, perChannel: false },
  'u8u8 per tensor': { ...scheme, weights: 'uint8', weightsSymmetric: false, perChannel: false },
  's8s7 per channel': { ...scheme, activations: 'int8' },
  's8s7 symmetric': { ...scheme, activations: 'int8', activationsSymmetric: true, perChannel: false },
};

describe.skipIf(!existsSync(folder))(
  'every public model, in every mode (skips without ../shared/data)',
  () => {
    const files = existsSync(folder)
      ? readdirSync(folder).filter(
          (file) => file.endsWith('.onnx') && (isLong || file !== 'light_resnet50.onnx'),
        )
      : [];
    test.each(files)('%s loads, runs and stays near', { timeout: 120_000 }, async (file) => {
      const sample = samples[file];
      if (!sample) throw new Error(`no sample for ${file}`);
      const original = readModel(new Uint8Array(readFileSync(join(folder, file))));
      const { model } = await editModel(original, [...standardPasses, removeZipMap], execution);
      // What a recurrent model says of a wave that is no speech is all noise: it is measured by the benchmark, on speech.
      const isRecurrent = file === 'silero-vad-16k.onnx';
      const wanted = await answersOf(model, sample);
      const checked = async (variant: Model, limit: number) => {
        const answer = await answersOf(variant, sample);
        expect(Object.keys(answer)).toEqual(Object.keys(wanted));
        for (const [name, tensor] of Object.entries(wanted)) {
          expect(answer[name]?.shape).toEqual(tensor.shape);
          if (tensor.datatype !== 'FP32') continue;
          expect(floats(answer[name] ?? tensor).every(Number.isFinite)).toBe(true);
          if (!isRecurrent) expect(relativeError(answer[name], tensor)).toBeLessThan(limit);
        }
      };
      const ranges = await calibrate(model, execution, [sample], { method: 'minmax' });
      for (const options of Object.values(staticSchemes))
        await checked(quantizeStatic(model, ranges, { ...options, keep }), 0.05);
      await checked(quantizeStatic(model, ranges, { ...scheme, keep: unprofitableNodes(model) }), 0.05);
      for (const perChannel of [true, false])
        for (const weights of ['int7', 'uint8'] as const)
          await checked(quantizeDynamic(model, { weights, perChannel, keep }), 0.05);
      for (const form of ['matmul-nbits', 'blocked'] as const)
        for (const symmetric of [true, false])
          for (const bits of [4, 8] as const) {
            const variant = quantizeWeights(model, { bits, blockSize: 32, form, symmetric, keep });
            await checked(variant, bits === 4 ? 0.15 : 0.02);
          }
      if (file !== 'iris-random-forest.onnx') await checked(storeHalf(model), 0.002);
    });
  },
);
