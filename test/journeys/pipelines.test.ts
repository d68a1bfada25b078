import { join } from 'node:path';
import { streamLog, systemClock } from '@covey/ports';
import type { LoadedModel, ModelSchema, Pipeline } from '@covey/protocol';
import { createInferenceServer, type InferenceServer, preprocessImage } from '@covey/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Face, facePipeline, facesIn, photographForm } from './faces.ts';
import { dataFolder, hasData, readData } from './harness.ts';
import { alone } from './inference.ts';
import { speechWindows } from './speech.ts';

const fp32 = (name: string, shape: number[]) => ({ name, datatype: 'FP32' as const, shape });
const modelPath = (name: string) => join(dataFolder, 'models', `${name}.onnx`);
const schemas: Record<string, ModelSchema> = {
  'face-rfb-320': {
    inputs: [fp32('input', [1, 3, 240, 320])],
    outputs: [fp32('scores', [1, 4420, 2]), fp32('boxes', [1, 4420, 4])],
  },
  'silero-vad-16k': {
    inputs: [
      fp32('input', [-1, -1]),
      fp32('state', [2, -1, 128]),
      { name: 'sr', datatype: 'INT64', shape: [] },
    ],
    outputs: [fp32('output', [-1, 1]), fp32('stateN', [-1, -1, -1])],
  },
};

/** A recording in; how likely every 32 ms of it hold speech by themselves. */
const speech: Pipeline = {
  inputs: [{ name: 'recording', datatype: 'BYTES', shape: [1] }],
  stages: [
    {
      kind: 'preprocess',
      input: 'recording',
      output: 'windows',
      form: { kind: 'audio', sampleRateHz: 16_000, windowSamples: 576, hopSamples: 512, contextSamples: 64 },
    },
    { kind: 'constant', output: 'state', datatype: 'FP32', shape: [2, -1, 128], value: 0, rowsOf: 'windows' },
    { kind: 'constant', output: 'rate', datatype: 'INT64', shape: [], value: 16_000 },
    {
      kind: 'model',
      inputs: { input: 'windows', state: 'state', sr: 'rate' },
      outputs: { output: 'speech' },
    },
  ],
  outputs: [fp32('speech', [-1, 1])],
};
/** What is seen and heard, from two models at once. */
const scene: Pipeline = {
  inputs: [...facePipeline.inputs, ...speech.inputs],
  stages: [
    {
      kind: 'model',
      inputs: { photograph: 'photograph' },
      model: 'faces',
      outputs: { faces: 'faces', certainty: 'certainty' },
    },
    { kind: 'model', inputs: { recording: 'recording' }, model: 'speech', outputs: { speech: 'speech' } },
  ],
  outputs: [...facePipeline.outputs, ...speech.outputs],
};

function served(name: string, file: string, pipeline: Pipeline): LoadedModel {
  const bundle = Buffer.from(name).toString('hex').padEnd(64, '0');
  const schema = schemas[file] ?? { inputs: [], outputs: [] };
  const ref = { model: name, version: '1.0.0', number: 1, bundle };
  return { ref, variant: 'fp32', provider: 'cpu', threads: 1, path: modelPath(file), schema, pipeline };
}

describe.skipIf(!hasData)('pipelines on real data (skipped where ../shared/data is absent)', () => {
  let server: InferenceServer;
  let url: string;

  beforeAll(async () => {
    server = createInferenceServer({
      clock: systemClock,
      log: streamLog({ write: () => true }, systemClock, 'error'),
      host: '127.0.0.1',
      port: 0,
      metricsIntervalMs: 60_000,
      summaryIntervalMs: 60_000,
      send: () => {},
    });
    ({ url } = await server.listen());
    const models = [
      served('faces', 'face-rfb-320', facePipeline),
      served('speech', 'silero-vad-16k', speech),
      served('scene', 'face-rfb-320', scene),
    ];
    await server.apply({ plan: 1, models });
  });
  afterAll(() => server.drain());

  const ask = async (model: string, files: Record<string, Uint8Array>) => {
    const bodies = Object.entries(files).map(([name, file]) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(file.byteLength);
      return { name, body: Buffer.concat([length, file]) };
    });
    const inputs = bodies.map(({ name, body }) => ({
      name,
      datatype: 'BYTES',
      shape: [1],
      parameters: { binary_data_size: body.byteLength },
    }));
    const head = Buffer.from(JSON.stringify({ inputs }));
    const response = await fetch(`${url}/v2/models/${model}/infer`, {
      method: 'POST',
      body: Buffer.concat([head, ...bodies.map(({ body }) => body)]),
      headers: { 'inference-header-content-length': String(head.byteLength) },
    });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    const { outputs } = (await response.json()) as { outputs: { name: string; data: number[] }[] };
    return Object.fromEntries(outputs.map(({ name, data }) => [name, data]));
  };

  const corners = ({ left, top, right, bottom }: Face) => [left, top, right, bottom].map(Math.fround);

  test("a JPEG in and faces out: what the publisher's own steps around the bare model find, to the last bit", async () => {
    const bare = await alone(modelPath('face-rfb-320'));
    try {
      for (const name of ['faces-13.jpg', 'faces-6.jpg', 'faces-1.jpg']) {
        const file = readData('images', name);
        const { data } = await preprocessImage(file, photographForm);
        const pixels = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
        const { scores, boxes } = await bare.run({ input: { shape: [1, 3, 240, 320], data: pixels } });
        const expected = facesIn(scores ?? new Float32Array(), boxes ?? new Float32Array());
        const found = await ask('faces', { photograph: file });
        expect(expected.length).toBeGreaterThan(0);
        expect(found.faces?.map(Math.fround), name).toEqual(expected.flatMap(corners));
        expect(found.certainty?.map(Math.fround)).toEqual(expected.map(({ score }) => Math.fround(score)));
      }
    } finally {
      await bare.release();
    }
  });

  test('a recording in: its windows, each as the bare model hears it by itself', async () => {
    const wav = readData('audio', 'speech-16k.wav');
    const windows = speechWindows(wav, 20);
    const bare = await alone(modelPath('silero-vad-16k'));
    try {
      const heard = (await ask('speech', { recording: wav })).speech ?? [];
      for (const [i, window] of windows.entries()) {
        const { output } = await bare.run({
          input: { shape: [1, window.length], data: window },
          state: { shape: [2, 1, 128], data: new Float32Array(256) },
          sr: { shape: [], data: BigInt64Array.of(16_000n) },
        });
        expect(heard[i]).toBeCloseTo(output?.[0] ?? Number.NaN, 4);
      }
      expect(Math.max(...heard)).toBeGreaterThan(0.5);
    } finally {
      await bare.release();
    }
  });

  test('two models in one request', async () => {
    const files = {
      photograph: readData('images', 'faces-13.jpg'),
      recording: readData('audio', 'speech-16k.wav'),
    };
    const both = await ask('scene', files);
    expect(both.faces).toEqual((await ask('faces', { photograph: files.photograph })).faces);
    expect(both.speech).toEqual((await ask('speech', { recording: files.recording })).speech);
  });

  test('what is no photograph is refused by the stage that reads it, also through another model', async () => {
    await expect(ask('faces', { photograph: Buffer.from('not a picture') })).rejects.toThrow(
      /400: .*stage 1 \(preprocess\): element 0: the file is neither JPEG nor PNG/,
    );
    await expect(ask('scene', { photograph: Buffer.from('x'), recording: Buffer.from('y') })).rejects.toThrow(
      /400: .*stage 1 \(model faces\): stage 1 \(preprocess\)/,
    );
  });
});
