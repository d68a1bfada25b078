import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { streamLog, systemClock } from '@covey/ports';
import type { LoadedModel, ModelSchema } from '@covey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client } from './client.fixture.ts';
import { loadedModel } from './models.fixture.ts';
import { openSession } from './node/index.ts';
import { createInferenceServer, type InferenceServer } from './server.ts';
import type { Tensors } from './tensors/index.ts';

const cpu = { provider: 'cpu', threads: 1 } as const;
const data = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data');
const present = existsSync(data);
const file = (name: string) => `${data}/models/${name}.onnx`;

const fp32 = (name: string, shape: number[]) => ({ name, datatype: 'FP32' as const, shape });
const schemas: Record<'mnist' | 'vad' | 'iris' | 'face', ModelSchema> = {
  mnist: { inputs: [fp32('Input3', [1, 1, 28, 28])], outputs: [fp32('Plus214_Output_0', [1, 10])] },
  vad: {
    inputs: [
      fp32('input', [-1, -1]),
      fp32('state', [2, -1, 128]),
      { name: 'sr', datatype: 'INT64', shape: [] },
    ],
    outputs: [fp32('output', [-1, 1]), fp32('stateN', [-1, -1, -1])],
  },
  iris: { inputs: [fp32('X', [-1, 4])], outputs: [{ name: 'output_label', datatype: 'INT64', shape: [-1] }] },
  face: {
    inputs: [fp32('input', [1, 3, 240, 320])],
    outputs: [fp32('scores', [1, 4420, 2]), fp32('boxes', [1, 4420, 4])],
  },
};
const files = { mnist: 'mnist', vad: 'silero-vad-16k', iris: 'iris-random-forest', face: 'face-rfb-320' };

/** Skipped where the folder of public models and recordings is absent. */
describe.skipIf(!present)('public models, served', () => {
  let server: InferenceServer;
  let http: ReturnType<typeof client>;

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
    http = client((await server.listen()).url);
    const models: LoadedModel[] = (['mnist', 'vad', 'iris', 'face'] as const).map((name) =>
      loadedModel(file(files[name]), schemas[name], { name }),
    );
    await server.apply({ plan: 1, models });
  });
  afterAll(async () => {
    http?.close();
    await server?.drain();
  });

  test('the answer over HTTP is bit for bit that of ONNX Runtime called directly', async () => {
    const pixels = Float32Array.from({ length: 3 * 240 * 320 }, (_, i) => Math.sin(i));
    const input = new Uint8Array(pixels.buffer);
    const session = await openSession(file(files.face), schemas.face, cpu);
    const direct = await session.run({ input: { datatype: 'FP32', shape: [1, 3, 240, 320], data: input } });
    await session.release();
    const reply = await http.postBinary('/v2/models/face/infer', undefined, input);
    const scores = direct.scores?.data ?? new Uint8Array();
    const boxes = direct.boxes?.data ?? new Uint8Array();
    expect(reply.body.subarray(-(scores.byteLength + boxes.byteLength))).toEqual(
      Buffer.concat([scores, boxes]),
    );
  });

  test('a recurrent model hears speech when its caller carries the state', async () => {
    const samples = new Int16Array(readFileSync(`${data}/audio/speech-16k.wav`).buffer.slice(44));
    const state = {
      name: 'state',
      datatype: 'FP32',
      shape: [2, 1, 128],
      data: new Array<number>(256).fill(0),
    };
    const probabilities: number[] = [];
    for (let window = 0; window < 60; window++) {
      const heard = Array.from(windowOf(samples, window), (sample) => sample / 32_768);
      const inputs = [
        { name: 'input', datatype: 'FP32', shape: [1, 576], data: heard },
        state,
        { name: 'sr', datatype: 'INT64', shape: [], data: [16_000] },
      ];
      const reply = await http.post('/v2/models/vad/infer', { inputs });
      const [output, next] = (reply.json as { outputs: Array<{ data: number[] }> }).outputs;
      probabilities.push(output?.data[0] ?? Number.NaN);
      state.data = next?.data ?? [];
    }
    const direct = await directProbabilities(samples);
    expect(probabilities).toEqual(direct);
    expect(Math.max(...probabilities)).toBeGreaterThan(0.5);
  });

  test('outputs that are no tensors are left alone, or refused by name', async () => {
    const inputs = [{ name: 'X', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }];
    expect((await http.post('/v2/models/iris/infer', { inputs })).json).toMatchObject({
      outputs: [{ data: [0] }],
    });
    const wanted = { ...schemas.iris, outputs: [fp32('output_probability', [-1, 3])] };
    await expect(openSession(file(files.iris), wanted, cpu)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: 'output output_probability is a sequence or map, not a tensor',
    });
  });
});

/** 32 ms of sound, after the last 4 ms of the window before it, as the model was trained to hear. */
function windowOf(samples: Int16Array, window: number): Int16Array {
  return samples.subarray(window * 512, window * 512 + 576);
}

async function directProbabilities(samples: Int16Array): Promise<number[]> {
  const session = await openSession(file(files.vad), schemas.vad, cpu);
  const bytes = (array: Float32Array | BigInt64Array) => new Uint8Array(array.buffer);
  let state = bytes(new Float32Array(256));
  const probabilities: number[] = [];
  for (let window = 0; window < 60; window++) {
    const heard = Float32Array.from(windowOf(samples, window), (sample) => sample / 32_768);
    const inputs: Tensors = {
      input: { datatype: 'FP32', shape: [1, 576], data: bytes(heard) },
      state: { datatype: 'FP32', shape: [2, 1, 128], data: state },
      sr: { datatype: 'INT64', shape: [], data: bytes(BigInt64Array.of(16_000n)) },
    };
    const { output, stateN } = await session.run(inputs);
    probabilities.push(new Float32Array(output?.data.slice().buffer ?? new ArrayBuffer(4))[0] ?? Number.NaN);
    state = new Uint8Array(stateN?.data ?? []);
  }
  await session.release();
  return probabilities;
}
