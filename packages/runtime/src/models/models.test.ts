import { streamLog, systemClock } from '@covey/ports';
import type { LoadedModel, ServingSettings, Tensor } from '@covey/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { addModel, loadedModel, modelFolder, schemaOf } from '../models.fixture.ts';
import { nodePlatform, startExecutor } from '../node/index.ts';
import { createTurnstile } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import type { ModelMemory } from './memory.ts';
import { createModels, type Models } from './models.ts';
import type { Serving } from './serving.ts';

const log = streamLog({ write: () => true }, systemClock, 'error');
const plain = { priority: 0, deadlineMs: undefined, signal: undefined };
let folder: Awaited<ReturnType<typeof modelFolder>>;
const open: Models[] = [];

beforeAll(async () => {
  folder = await modelFolder();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((models) => models.close()));
});
afterAll(() => folder.remove());

function start(memory?: ModelMemory) {
  const switches: Serving[] = [];
  const released: string[] = [];
  const models = createModels({
    clock: systemClock,
    log,
    platform: nodePlatform,
    startExecutor,
    runTimeoutMs: 60_000,
    turnstile: createTurnstile({ clock: systemClock, cores: nodePlatform.cores }),
    record: undefined,
    onHung: () => {},
    onSwitch: (serving) => switches.push(serving),
    whenAnswered: () => Promise.resolve(),
    onRelease: ({ model }) => released.push(model.ref.version),
    ...(memory && { memory }),
  });
  open.push(models);
  return { models, switches, released };
}

/** Adds its major version number to rows of two. */
async function version(number: number, settings?: ServingSettings): Promise<LoadedModel> {
  const path = await folder.write(`add-${number}.onnx`, addModel(number, [-1, 2]));
  const model = loadedModel(path, schemaOf('FP32', [-1, 2]), { version: `${number}.0.0`, number });
  return settings ? { ...model, settings } : model;
}
async function broken(number: number): Promise<LoadedModel> {
  const path = await folder.write('broken.onnx', new TextEncoder().encode('no model'));
  return loadedModel(path, schemaOf('FP32', [-1, 2]), { version: `${number}.0.0`, number });
}
const rows = (...values: number[]): Tensors => {
  const data = new Uint8Array(Float32Array.from(values.flatMap((value) => [value, value])).buffer);
  return { x: { datatype: 'FP32', shape: [values.length, 2], data } };
};
const floats = (tensor: Tensor | undefined) => [
  ...new Float32Array(tensor?.data.slice().buffer ?? new ArrayBuffer(0)),
];

async function ask(models: Models, value: number): Promise<number> {
  const instance = models.current()?.instances.get('m');
  const result = await instance?.run(rows(value), plain);
  return (floats(result?.outputs.y)[0] ?? Number.NaN) - value;
}

/** Clients that ask without pause; every answer must be that of a version that was served while they asked. */
function load(models: Models, clients: number) {
  let isBusy = true;
  let answers = 0;
  const client = async (id: number) => {
    for (let at = 0; isBusy; at++) {
      const number = await ask(models, id * 100_000 + (at % 1_000));
      if (number !== 1 && number !== 2) throw new Error(`the answer of another request: off by ${number}`);
      answers++;
    }
  };
  const running = Array.from({ length: clients }, (_, id) => client(id));
  return async () => {
    isBusy = false;
    await Promise.all(running);
    return answers;
  };
}

test('8 swaps under load: no request fails, and each answer is its own', async () => {
  const { models, released } = start();
  const versions = [await version(1), await version(2)];
  const plan = (number: number) => ({ plan: number, models: [versions[number % 2] as LoadedModel] });
  await models.apply(plan(0));
  const stop = load(models, 8);
  for (let number = 1; number <= 8; number++) await models.apply(plan(number));
  expect(await stop()).toBeGreaterThan(100);
  await models.close();
  expect(released).toHaveLength(9);
}, 120_000);

test('where memory does not hold both, the old version goes first; who comes meanwhile waits and is answered', async () => {
  const events: string[] = [];
  const memory: ModelMemory = {
    availableBytes: () => 10,
    isShort: () => false,
    estimateBytes: async () => 20,
    measured: (model, loading) => {
      events.push(`loads ${model.ref.version}, ${released.length} released`);
      return loading();
    },
  };
  const { models, released } = start(memory);
  await models.apply({ plan: 1, models: [await version(1)] });
  const stop = load(models, 4);
  await models.apply({ plan: 2, models: [await version(2)] });
  expect(await ask(models, 5)).toBe(2);
  // What cannot be loaded leaves the old one serving again, and still no request has failed.
  await expect(models.apply({ plan: 3, models: [await broken(3)] })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
  });
  expect(await ask(models, 5)).toBe(2);
  expect(await stop()).toBeGreaterThan(0);
  expect(events).toEqual([
    'loads 1.0.0, 0 released',
    'loads 2.0.0, 1 released',
    'loads 3.0.0, 2 released',
    'loads 2.0.0, 3 released',
  ]);
  expect(models.current()?.plan.plan).toBe(2);
});

test('a model is unloaded and loaded by hand, and a failed load says why', async () => {
  const { models } = start();
  await models.apply({ plan: 1, models: [await version(1), await version(2)] });
  const states = () => models.index().map(({ version: of, state }) => `${of} ${state}`);
  expect(states()).toEqual(['1.0.0 READY', '2.0.0 READY']);
  expect(models.current()?.instances.get('m')?.model.ref.version).toBe('2.0.0');
  const unloading = models.unload('m');
  await unloading;
  expect(states()).toEqual(['1.0.0 UNAVAILABLE', '2.0.0 UNAVAILABLE']);
  expect(models.current()?.versions.size).toBe(0);
  await folder.write('add-2.onnx', new TextEncoder().encode('damaged'));
  await expect(models.load('m')).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  expect(models.index()[1]).toMatchObject({
    state: 'UNAVAILABLE',
    reason: expect.stringContaining('m 2.0.0'),
  });
  await version(2);
  const loading = models.load('m');
  await expect.poll(() => states()[0]).toBe('1.0.0 LOADING');
  await loading;
  expect(states()).toEqual(['1.0.0 READY', '2.0.0 READY']);
  await expect(models.load('other')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
});

test('what was unloaded by hand stays so in a plan that holds it unchanged', async () => {
  const { models } = start();
  const one = await version(1);
  await models.apply({ plan: 1, models: [one] });
  await models.unload('m');
  await models.apply({ plan: 2, models: [one] });
  expect(models.index()[0]?.state).toBe('UNAVAILABLE');
  await models.apply({ plan: 3, models: [await version(2)] });
  expect(models.index()[0]?.state).toBe('READY');
});

test('channels move only to versions of the plan', async () => {
  const { models } = start();
  const [one, two] = [await version(1), await version(2)];
  const route = { model: 'm', version: '1.0.0', channels: { candidate: '2.0.0' } };
  await expect(models.apply({ plan: 1, models: [one], routes: [route] })).rejects.toMatchObject({
    code: 'INVALID_DOCUMENT',
    message: 'plan 1 routes m to version 2.0.0, which it does not hold',
  });
  await models.apply({ plan: 2, models: [one, two], routes: [route] });
  expect(await ask(models, 1)).toBe(1);
});

test('other settings are another instance; several sessions serve side by side', async () => {
  const { models, released } = start();
  await models.apply({ plan: 1, models: [await version(1)] });
  await models.apply({ plan: 2, models: [await version(1, { instances: { min: 2, max: 2 } })] });
  await expect.poll(() => models.current()?.instances.get('m')?.state.sessions).toBe(2);
  await expect.poll(() => released).toEqual(['1.0.0']);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, value) => ask(models, value)));
  expect(new Set(answers)).toEqual(new Set([1]));
});
