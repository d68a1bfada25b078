import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeModel } from '@covey/onnx';
import type { Tensor } from '@covey/protocol';
import { type ModelFile, open, type Runtime, tensor } from '@covey/runtime';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Figure, Result } from './figures.ts';
import { modelPath } from './models.ts';
import { overloadFigures } from './overload.ts';
import { mlp, mlpSize } from './quantize.ts';
import { soakFigures } from './soak.ts';
import { median, ratioOf, spreadOf } from './statistics.ts';

/** Requests under way at a time. */
const concurrency = 32;
const rounds = 15;
const warmRounds = 3;
const roundMs = 250;
/** Time of an inference, batched, to that of one by one: three times the throughput. */
const batchedLimit = 1 / 3;
/** A batch that the bare loop is timed with: as large as requests come together. */
const bareRows = 32;

/** A model and inputs for it; requests differ, and so do their answers. */
export interface BatchedModel {
  name: string;
  file: string;
  inputs: Record<string, Tensor>[];
}

/** Throughput of batches against single runs, both behind the same runtime, and what it does under too much load. */
export async function benchmarkBatching(): Promise<Result> {
  const voiceDetector = modelPath('silero-vad-16k');
  if (!existsSync(voiceDetector)) return { benchmark: 'batching', skipped: `there is no ${voiceDetector}` };
  const folder = mkdtempSync(join(tmpdir(), 'covey-batching-'));
  try {
    const perceptron = join(folder, 'mlp.onnx');
    writeFileSync(perceptron, writeModel(mlp(-1)));
    const models: BatchedModel[] = [
      { name: 'voice detector', file: voiceDetector, inputs: numbered(soundOf) },
      { name: 'mlp', file: perceptron, inputs: numbered((index) => ({ x: floats([1, mlpSize], index) })) },
    ];
    const figures: Figure[] = [];
    for (const model of models) {
      figures.push(...(await throughputFigures(model)), ...(await overloadFigures(model)));
    }
    figures.push(...(await soakFigures(perceptron, mlpSize)));
    return { benchmark: 'batching', figures };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One model twice, so that both contestants go the same way. */
async function throughputFigures({ name, file, inputs }: BatchedModel): Promise<Figure[]> {
  const single: ModelFile = { name: 'single', path: file, settings: { batching: { maxBatchSize: 1 } } };
  const runtime = await open([single, { name: 'batched', path: file }]);
  try {
    const times: Record<'single' | 'batched', number[]> = { single: [], batched: [] };
    const sizes: number[] = [];
    for (let round = -warmRounds; round < rounds; round++) {
      for (const contestant of round % 2 === 0
        ? (['single', 'batched'] as const)
        : (['batched', 'single'] as const)) {
        const { inferenceMs, batchSize } = await saturate(runtime, contestant, inputs);
        if (round < 0) continue;
        times[contestant].push(inferenceMs);
        if (contestant === 'batched') sizes.push(batchSize);
      }
    }
    const size = median(sizes).toFixed(0);
    const [alone, together] = [
      await bareMs(file, inputs[0] ?? {}, 1),
      await bareMs(file, inputs[0] ?? {}, bareRows),
    ];
    const floor = { name: `bare loop of ${bareRows} together`, value: together };
    return [
      {
        name: `${name}: one by one, ${concurrency} at a time, per inference`,
        value: spreadOf(times.single),
        unit: 'ms',
        floor: { name: 'bare loop', value: alone },
      },
      {
        name: `${name}: bare loop, ${bareRows} together`,
        value: spreadOf([together]),
        unit: 'ms',
        baseline: { name: 'bare loop', ratio: spreadOf([together / alone]) },
      },
      {
        name: `${name}: batched (${size} in a run), per inference`,
        value: spreadOf(times.batched),
        unit: 'ms',
        baseline: { name: 'one by one', ratio: ratioOf(times.batched, times.single), limit: batchedLimit },
        floor,
      },
    ];
  } finally {
    await runtime.close();
  }
}

/** As many clients as are to be under way, each asking again as soon as it has its answer. */
async function saturate(
  runtime: Runtime,
  model: string,
  inputs: readonly Record<string, Tensor>[],
): Promise<{ inferenceMs: number; batchSize: number }> {
  let answers = 0;
  let batchSizes = 0;
  const startedMs = performance.now();
  const untilMs = startedMs + roundMs;
  const client = async (id: number) => {
    for (let at = id; performance.now() < untilMs; at++) {
      const { timings } = await runtime.infer(model, inputs[at % inputs.length] ?? {});
      batchSizes += timings.batchSize;
      answers++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, id) => client(id)));
  return { inferenceMs: (performance.now() - startedMs) / answers, batchSize: batchSizes / answers };
}

/** Milliseconds per inference of ONNX Runtime alone, on one thread, joined in runs. */
async function bareMs(file: string, inputs: Record<string, Tensor>, rows: number): Promise<number> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { datatype, shape, data }]) => {
      if (datatype === 'INT64')
        return [name, new OrtTensor('int64', new BigInt64Array(data.slice().buffer), shape)];
      const axis = shape.indexOf(1);
      const elements = new Float32Array(data.slice().buffer);
      const joined = new Float32Array(elements.length * rows);
      for (let row = 0; row < rows; row++) joined.set(elements, row * elements.length);
      return [name, new OrtTensor('float32', joined, shape.with(axis, rows))];
    }),
  );
  const timesMs: number[] = [];
  for (let run = 0; run < 50; run++) {
    const startedMs = performance.now();
    await session.run(feeds);
    timesMs.push((performance.now() - startedMs) / rows);
  }
  await session.release();
  return median(timesMs);
}

function numbered<T>(make: (index: number) => T): T[] {
  return Array.from({ length: 16 }, (_, index) => make(index));
}

function soundOf(index: number): Record<string, Tensor> {
  return {
    input: floats([1, 576], index),
    state: floats([2, 1, 128], index + 0.5),
    sr: tensor(BigInt64Array.of(16_000n), []),
  };
}

/** A wave in shared memory, as a server has its requests. */
function floats(shape: number[], phase: number): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const elements = new Float32Array(new SharedArrayBuffer(count * Float32Array.BYTES_PER_ELEMENT));
  for (let i = 0; i < count; i++) elements[i] = 0.5 * Math.sin(i * 0.05 * (1 + phase) + phase);
  return tensor(elements, shape);
}
