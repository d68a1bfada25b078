import { readFileSync } from 'node:fs';
import { retrain } from '@covey/example/retraining';
import {
  calibrate,
  editModel,
  quantizeDynamic,
  quantizeStatic,
  readModel,
  type Sample,
  type StaticOptions,
  standardPasses,
  tensorRanges,
  writeModel,
} from '@covey/onnx';
import type { ModelSchema } from '@covey/protocol';
import type { Execution } from '@covey/runtime';
import { faceDetector, mnist, modelPath, variedInputs } from './models.ts';
import { scheme } from './quantize-face.ts';
import { countedFloor, type Floor, freshFloor, stepBits } from './wire-bytes-floors.ts';

/** An update: what a device has, and what it is to get. */
export interface Update {
  name: string;
  base: Uint8Array;
  target: Uint8Array;
  floor: Floor;
}

/** Deviation of a step, as a share of the deviation of a tensor's weights. */
const shares = [1e-4, 1e-3, 1e-2];
const middleShare = 1e-3;
const smallestTensor = 64;

type Quantize = (
  bytes: Uint8Array,
  scheme?: Partial<StaticOptions>,
  method?: 'minmax' | 'entropy',
) => Promise<Uint8Array>;

export async function updates(execution: Execution): Promise<Update[]> {
  const models = { 'face-rfb-320': faceDetector, mnist };
  const all: Update[] = [];
  for (const [name, { path, schema }] of Object.entries(models)) {
    const base = new Uint8Array(readFileSync(path));
    const quantize = quantizer(execution, schema);
    const isLarge = base.byteLength > 1e6;
    all.push(...floatUpdates(name, base, isLarge ? shares : [middleShare]));
    all.push(...(await integerUpdates(name, base, quantize, isLarge ? shares : [middleShare])));
    if (isLarge) all.push(...(await requantizedUpdates(name, base, quantize)));
  }
  const voice = new Uint8Array(readFileSync(modelPath('silero-vad-16k')));
  all.push(...floatUpdates('silero-vad-16k', voice, [middleShare]));
  all.push(
    ...(await integerUpdates('silero-vad-16k', voice, (bytes) => dynamic(execution, bytes), [middleShare])),
  );
  return [...all, ...exampleUpdates()];
}

function floatUpdates(model: string, base: Uint8Array, steps: readonly number[]): Update[] {
  const stepped = steps.map((share) => ({
    name: `${model} fp32, all weights, steps of ${share}`,
    base,
    ...steppedBy(base, share),
  }));
  const anew = redrawn(base);
  return [
    { name: `${model} fp32, last layer`, base, ...steppedBy(base, 1e-2, lastLayer(base)) },
    ...stepped,
    { name: `${model} fp32, from scratch`, base, target: anew, floor: freshFloor(anew) },
  ];
}

async function integerUpdates(
  model: string,
  base: Uint8Array,
  quantize: Quantize,
  steps: readonly number[],
): Promise<Update[]> {
  const before = await quantize(base);
  const all: Update[] = [];
  for (const share of steps) {
    const target = await quantize(steppedBy(base, share).target);
    all.push(countedUpdate(`${model} int8, all weights, steps of ${share}`, before, target));
  }
  return [
    countedUpdate(
      `${model} int8, last layer`,
      before,
      await quantize(steppedBy(base, 1e-2, lastLayer(base)).target),
    ),
    ...all,
    countedUpdate(`${model} int8, from scratch`, before, await quantize(redrawn(base))),
  ];
}

async function requantizedUpdates(model: string, base: Uint8Array, quantize: Quantize): Promise<Update[]> {
  const before = await quantize(base);
  const perTensor = await quantize(base, { perChannel: false });
  return [
    countedUpdate(`${model} int8, calibrated by entropy`, before, await quantize(base, {}, 'entropy')),
    countedUpdate(`${model} int8, per tensor now`, before, perTensor),
    countedUpdate(`${model} int8, per channel now`, perTensor, before),
    countedUpdate(`${model} int8, uint8 weights now`, before, await quantize(base, { weights: 'uint8' })),
  ];
}

function exampleUpdates(): Update[] {
  const { before, fineTuned, lastLayer: head, anew } = retrain();
  const name = (what: string) => `example ${what}`;
  return [
    countedUpdate(name('int8, last layer trained on'), before.int8, head.int8),
    countedUpdate(name('int8, trained on'), before.int8, fineTuned.int8),
    countedUpdate(name('int8, trained anew'), before.int8, anew.int8),
    countedUpdate(name('fp32, last layer trained on'), before.fp32, head.fp32),
    countedUpdate(name('fp32, trained on'), before.fp32, fineTuned.fp32),
    { name: name('fp32, trained anew'), base: before.fp32, target: anew.fp32, floor: freshFloor(anew.fp32) },
  ];
}

function countedUpdate(name: string, base: Uint8Array, target: Uint8Array): Update {
  return { name, base, target, floor: countedFloor(base, target) };
}

function quantizer(execution: Execution, schema: ModelSchema): Quantize {
  const samples: Sample[] = variedInputs(schema, 8);
  // In all 8 bits, which are harder to foretell than 7.
  const options = { ...scheme, weights: 'int8' } as const;
  return async (bytes, changes = {}, method = 'minmax') => {
    const { model } = await editModel(readModel(bytes), standardPasses, execution);
    const how = method === 'minmax' ? { method } : { method, bins: 2_048 };
    return writeModel(
      quantizeStatic(model, await calibrate(model, execution, samples, how), { ...options, ...changes }),
    );
  };
}

/** Recurrent layers have no static form. */
async function dynamic(execution: Execution, bytes: Uint8Array): Promise<Uint8Array> {
  const { model } = await editModel(readModel(bytes), standardPasses, execution);
  return writeModel(quantizeDynamic(model, { weights: 'int8', perChannel: true, keep: new Set() }));
}

function weightsOf(bytes: Uint8Array) {
  return tensorRanges(bytes).filter(
    ({ type, sizeBytes }) => type === 'float32' && sizeBytes >= smallestTensor,
  );
}

/** The last two tensors of weights: those of the layer that a head is. */
function lastLayer(bytes: Uint8Array): ReturnType<typeof weightsOf> {
  return weightsOf(bytes).slice(-2);
}

/** Each weight moves by a normal step, of a deviation that is a share of its tensor's. */
function steppedBy(
  base: Uint8Array,
  share: number,
  tensors = weightsOf(base),
): { target: Uint8Array; floor: Floor } {
  const { target, view } = copyOf(base);
  const normal = normals(1);
  let bits = 0;
  for (const { offset, sizeBytes } of tensors) {
    const sigma = share * deviationOf(view, offset, sizeBytes);
    if (sigma === 0) continue;
    for (let at = offset; at < offset + sizeBytes; at += 4) {
      const value = Math.fround(view.getFloat32(at, true) + sigma * normal());
      view.setFloat32(at, value, true);
      bits += stepBits(sigma, value);
    }
  }
  return { target, floor: { name: 'entropy of the steps', value: bits / 8 } };
}

/** Other weights of the same deviations, as another training might have found; variances and the like stay. */
function redrawn(base: Uint8Array): Uint8Array {
  const { target, view } = copyOf(base);
  const normal = normals(2);
  for (const { offset, sizeBytes } of weightsOf(base).filter(({ shape }) => shape.length > 1)) {
    const sigma = deviationOf(view, offset, sizeBytes);
    for (let at = offset; at < offset + sizeBytes; at += 4) view.setFloat32(at, sigma * normal(), true);
  }
  return target;
}

function copyOf(bytes: Uint8Array): { target: Uint8Array; view: DataView } {
  const target = Uint8Array.from(bytes);
  return { target, view: new DataView(target.buffer) };
}

function deviationOf(view: DataView, offset: number, sizeBytes: number): number {
  const count = sizeBytes / 4;
  const values = Array.from({ length: count }, (_, i) => view.getFloat32(offset + i * 4, true));
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
}

/** Seeded standard normal numbers, by Box and Muller's transform of Marsaglia's xorshift. */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
