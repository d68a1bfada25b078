import { streamLog, systemClock } from '@covey/ports';
import type { LoadedModel, Pipeline, Route, Stage, TensorSpec } from '@covey/protocol';
import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { client } from '../client.fixture.ts';
import { addModel, identityModel, loadedModel, modelFolder, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { createInferenceServer } from '../server.ts';
import { encodeElements } from '../tensors/index.ts';

const shape = [-1, 2];
const spec = (name: string, datatype: TensorSpec['datatype'] = 'FP32', dimensions = shape): TensorSpec => ({
  name,
  datatype,
  shape: dimensions,
});
const add = (constant: number) => [addModel(constant, shape), schemaOf('FP32', shape)] as const;
const model = (from: string, to: string, name?: string, version?: string): Stage => ({
  kind: 'model',
  ...(name !== undefined && { model: name }),
  ...(version !== undefined && { version }),
  inputs: { x: from },
  outputs: { y: to },
});
/** Its own model, then another, then shares of one. */
const ensemble: Pipeline = {
  inputs: [spec('given')],
  stages: [
    model('given', 'first'),
    model('given', 'second', 'other'),
    model('first', 'third', 'other', '1.2.0'),
    { kind: 'softmax', input: 'third', output: 'shares' },
  ],
  outputs: [spec('first'), spec('second'), spec('shares')],
};
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
async function serve(...[served]: Parameters<typeof serverWith>) {
  const server = await serverWith(served);
  closing.push(server.close);
  return server.http;
}
/** A runtime in this process, plan after plan. */
async function planned() {
  const folder = await modelFolder();
  const runtime = createInferenceServer({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    host: '127.0.0.1',
    port: 0,
    metricsIntervalMs: 60_000,
    summaryIntervalMs: 60_000,
    send: () => {},
  });
  const { url } = await runtime.listen();
  const http = client(url);
  closing.push(async () => {
    http.close();
    await runtime.drain();
    await folder.remove();
  });
  let plan = 0;
  const apply = (models: LoadedModel[], routes: Route[] = []) =>
    runtime.apply({ plan: ++plan, models, routes });
  const loaded = async (name: string, constant: number, version = '1.0.0', number = 1) => {
    const path = await folder.write(`${name}-${version}.onnx`, addModel(constant, shape));
    return loadedModel(path, schemaOf('FP32', shape), { name, version, number });
  };
  return { apply, write: folder.write, loaded, http };
}
const given = (values: number[], name = 'given') => ({
  inputs: [{ name, datatype: 'FP32', shape: [values.length / 2, 2], data: values }],
});

describe('a pipeline over HTTP', () => {
  test('clients see its inputs and outputs; other models take part by name; batches stay batches', async () => {
    const http = await serve({ own: [...add(1), { pipeline: ensemble }], other: [...add(10)] });
    expect((await http.get('/v2/models/own')).json).toMatchObject({
      inputs: [spec('given')],
      outputs: [spec('first'), spec('second'), spec('shares')],
    });
    const reply = await http.post('/v2/models/own/infer', given([1, 2, 3, 3]));
    const { outputs } = reply.json as { outputs: { name: string; shape: number[]; data: number[] }[] };
    expect(outputs.map(({ name, data }) => [name, data])).toEqual([
      ['first', [2, 3, 4, 4]],
      ['second', [11, 12, 13, 13]],
      ['shares', [expect.closeTo(0.26894, 4), expect.closeTo(0.73106, 4), 0.5, 0.5]],
    ]);
    expect((await http.post('/v2/models/own/infer', given([1, 2], 'x'))).json).toEqual({
      error: expect.stringContaining('given'),
    });
  });

  test('pipelines call pipelines', async () => {
    const outer: Pipeline = {
      inputs: [spec('in')],
      stages: [
        { kind: 'model', model: 'own', inputs: { given: 'in' }, outputs: { first: 'out' } },
        model('out', 'end'),
      ],
      outputs: [spec('end')],
    };
    const http = await serve({
      own: [...add(1), { pipeline: ensemble }],
      other: [...add(10)],
      outer: [...add(100), { pipeline: outer }],
    });
    const reply = await http.post('/v2/models/outer/infer', given([1, 2], 'in'));
    expect(reply.json).toMatchObject({ outputs: [{ name: 'end', data: [102, 103] }] });
  });

  test('whatever bytes are sent as a picture or a sound, the answer is 400 and names the stage', async () => {
    const picture: Stage = {
      kind: 'preprocess',
      input: 'file',
      output: 'pixels',
      form: {
        kind: 'image',
        width: 2,
        height: 1,
        fit: 'stretch',
        interpolation: 'bilinear',
        channels: 'grey',
        layout: 'nhwc',
        datatype: 'FP32',
        mean: [0],
        scale: [1],
      },
    };
    const sound: Stage = {
      kind: 'preprocess',
      input: 'file',
      output: 'pixels',
      form: { kind: 'audio', sampleRateHz: 16_000, windowSamples: 2, hopSamples: 2, contextSamples: 0 },
    };
    const take = (stage: Stage, files: number, dimensions: number[]): Pipeline => ({
      inputs: [spec('file', 'BYTES', [files])],
      stages: [stage, { kind: 'sigmoid', input: 'pixels', output: 'y' }],
      outputs: [spec('y', 'FP32', dimensions)],
    });
    const http = await serve({
      picture: [...add(1), { pipeline: take(picture, -1, [-1, 1, 2, 1]) }],
      sound: [...add(1), { pipeline: take(sound, 1, [-1, 2]) }],
    });
    const send = (name: string, file: Uint8Array) => {
      const data = encodeElements([file]);
      const parameters = { binary_data_size: data.byteLength };
      const inputs = [{ name: 'file', datatype: 'BYTES', shape: [1], parameters }];
      return http.postBinary(`/v2/models/${name}/infer`, { inputs }, data);
    };
    const heads = fc.constantFrom(
      [],
      [0xff, 0xd8],
      [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10],
      [...Buffer.from('RIFF0000WAVE')],
    );
    await fc.assert(
      fc.asyncProperty(
        heads,
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('picture', 'sound'),
        async (head, tail, name) => {
          const reply = await send(name, Uint8Array.from([...head, ...tail]));
          expect(reply.status).toBe(400);
          expect((reply.json as { error: string }).error).toMatch(/^stage 1 \(preprocess\): element 0: /);
        },
      ),
      { numRuns: process.env.COVEY_LONG === undefined ? 20 : 200 },
    );
    const many = encodeElements(Array.from({ length: 3 }, () => new Uint8Array()));
    const parameters = { binary_data_size: many.byteLength };
    const three = { inputs: [{ name: 'file', datatype: 'BYTES', shape: [3], parameters }] };
    expect((await http.postBinary('/v2/models/sound/infer', three, many)).status).toBe(400);
  });
});

describe('plans with pipelines', () => {
  test.each<[string, Pipeline, string]>([
    ['a model that is not there', ensemble, 'own 1.0.0: no model other is deployed here'],
    [
      'itself by name',
      { ...ensemble, stages: [model('given', 'first', 'own')], outputs: [spec('first')] },
      'stage 1 (model own): a pipeline calls its own model by leaving the name out',
    ],
    [
      'another type',
      {
        inputs: [spec('given')],
        stages: [model('given', 'first', 'texts')],
        outputs: [spec('first', 'BYTES', [-1])],
      },
      'stage 1 (model texts): input x takes BYTES [-1], given is FP32 [-1,2]',
    ],
  ])('a pipeline that calls %s is refused, and what serves goes on', async (_, pipeline, message) => {
    const { apply, write, loaded } = await planned();
    const texts = loadedModel(await write('t.onnx', identityModel('BYTES', [-1])), schemaOf('BYTES', [-1]), {
      name: 'texts',
    });
    const own = await loaded('own', 1);
    await expect(apply([{ ...own, pipeline }, texts])).rejects.toThrow(message);
  });

  test('models that call each other in a circle are refused', async () => {
    const { apply, loaded } = await planned();
    const calling = (name: string): Pipeline => ({
      inputs: [spec('x')],
      stages: [model('x', 'y', name)],
      outputs: [spec('y')],
    });
    const [a, b] = [await loaded('a', 1), await loaded('b', 2)];
    await expect(
      apply([
        { ...a, pipeline: calling('b') },
        { ...b, pipeline: calling('a') },
      ]),
    ).rejects.toThrow('models call each other in a circle: a > b > a');
  });

  test('no pipeline fails while the versions that it calls alternate', async () => {
    const { apply, loaded, http } = await planned();
    const own = { ...(await loaded('own', 1)), pipeline: ensemble };
    const others = [await loaded('other', 10), await loaded('other', 20, '1.2.1', 2)];
    const stages = ensemble.stages.map((stage) =>
      stage.kind === 'model' && stage.version ? { ...stage, version: 'now' } : stage,
    );
    const route = (version: string): Route => ({ model: 'other', version, channels: { now: version } });
    const turn = async (i: number) => {
      const other = others[i % 2];
      if (other)
        await apply([{ ...own, pipeline: { ...ensemble, stages } }, other], [route(other.ref.version)]);
    };
    await turn(0);
    let isOver = false;
    const answers = Promise.all(
      Array.from({ length: 4 }, async () => {
        let count = 0;
        for (; !isOver; count++) {
          const { json } = await http.post('/v2/models/own/infer', given([1, 2]));
          const { outputs } = json as { outputs: { data: number[] }[] };
          expect([
            [11, 12],
            [21, 22],
          ]).toContainEqual(outputs[1]?.data);
        }
        return count;
      }),
    );
    for (let i = 1; i < 10; i++) await turn(i);
    isOver = true;
    expect(Math.min(...(await answers))).toBeGreaterThan(0);
  }, 60_000);
});
