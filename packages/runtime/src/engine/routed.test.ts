import { streamLog, systemClock } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import type { LoadedModel, Route, RuntimeToAgent, ShadowEvidence, Tensor } from '@covey/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { addModel, countingModel, loadedModel, modelFolder, schemaOf } from '../models.fixture.ts';
import { nodePlatform } from '../node/index.ts';
import { serverWith } from '../server.fixture.ts';
import { createEngine, type Engine, type InferenceReply } from './index.ts';

let folder: Awaited<ReturnType<typeof modelFolder>>;
const models: Record<string, LoadedModel> = {};
const engines: Engine[] = [];
const shape = [-1, 2];

beforeAll(async () => {
  folder = await modelFolder();
  for (const [version, constant] of [
    ['1.0.0', 0],
    ['1.0.1', 0.001],
    ['2.0.0', 10],
  ] as const) {
    const path = await folder.write(`${version}.onnx`, addModel(constant, shape));
    const number = Object.keys(models).length + 1;
    models[version] = loadedModel(path, schemaOf('FP32', shape), { version, number });
  }
  const path = await folder.write('count.onnx', countingModel());
  models.count = loadedModel(path, schemaOf('INT64', []), { version: '1.0.0' });
  models.slow = loadedModel(path, schemaOf('INT64', []), { version: '1.1.0', number: 2 });
});
afterAll(() => folder.remove());
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close(1_000);
});

/** An engine that serves versions by name, and what it has sent. */
async function serving(versions: string[], route: Partial<Route> & { version: string }) {
  const sent: RuntimeToAgent[] = [];
  const log = streamLog({ write: () => true }, systemClock, 'error');
  const hour = 3_600_000;
  const engine = createEngine({
    platform: nodePlatform,
    fetch: nodeFetch,
    clock: systemClock,
    log,
    metricsIntervalMs: hour,
    summaryIntervalMs: hour,
    send: (message) => sent.push(message),
  });
  engines.push(engine);
  const plan = {
    plan: 1,
    models: versions.flatMap((version) => models[version] ?? []),
    routes: [{ model: 'm', ...route }],
  };
  await engine.apply(plan);
  const ask = async (x: Tensor, asked: { version?: string; key?: string } = {}): Promise<InferenceReply> => {
    const servable = engine.route({ model: 'm', version: asked.version, key: asked.key });
    const reply = await engine.infer(servable, {
      inputs: { x },
      priority: 0,
      timeoutMs: undefined,
      caller: 'test',
      traceparent: undefined,
      signal: undefined,
      receivedMs: performance.now(),
    });
    return reply;
  };
  const evidence = () => sent.flatMap((message) => (message.type === 'shadow' ? message.evidence : []));
  return { engine, plan, ask, evidence };
}

const floats = (...values: number[]): Tensor => ({
  datatype: 'FP32',
  shape: [1, 2],
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const count = (times: number): Tensor => ({
  datatype: 'INT64',
  shape: [],
  data: new Uint8Array(BigInt64Array.of(BigInt(times)).buffer),
});
const numbers = ({ outputs }: InferenceReply) => [
  ...new Float32Array(new Uint8Array(outputs.y?.data ?? []).buffer),
];

async function until(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('shares are exact in the small, also when requests are routed twice; a key and a name stay', async () => {
  const route = { version: '1.0.0', split: [{ version: '2.0.0', share: 0.3 }], channels: { next: '2.0.0' } };
  const { ask, engine } = await serving(['1.0.0', '2.0.0'], route);
  const versions: string[] = [];
  for (let i = 0; i < 20; i++) {
    // As HTTP does before the body is read.
    engine.route({ model: 'm', version: undefined, key: undefined });
    versions.push((await ask(floats(1, 2))).model.ref.version);
  }
  expect(versions.filter((version) => version === '2.0.0')).toHaveLength(6);
  expect(numbers(await ask(floats(1, 2), { version: 'next' }))).toEqual([11, 12]);
  expect(numbers(await ask(floats(1, 2), { version: '1' }))).toEqual([1, 2]);
  const keyed = new Set<string>();
  for (let i = 0; i < 10; i++) keyed.add((await ask(floats(1, 2), { key: 'camera-7' })).model.ref.version);
  expect(keyed.size).toBe(1);
  expect(() => engine.route({ model: 'm', version: 'beta', key: undefined })).toThrow(
    'model m serves versions 1.0.0, 2.0.0 (channels next), not beta',
  );
});

test('a shadow is compared by agreement, distance and latency, and answers nobody', async () => {
  const route = { version: '1.0.0', shadow: { version: '1.0.1', share: 1 } };
  const { ask, evidence } = await serving(['1.0.0', '1.0.1', '2.0.0'], route);
  for (let i = 0; i < 5; i++) {
    const reply = await ask(floats(3, 4));
    expect(numbers(reply)).toEqual([3, 4]);
    void reply.finish();
    await until(() => evidence().at(-1)?.samples === i + 1);
  }
  // Who names a version is not shadowed.
  void (await ask(floats(3, 4), { version: '2.0.0' })).finish();
  const last: ShadowEvidence | undefined = evidence().at(-1);
  expect(last).toMatchObject({
    model: 'm',
    version: '1.0.1',
    requests: 5,
    agreements: 5,
    failures: 0,
    dropped: 0,
  });
  expect(last?.distance).toBeCloseTo((Math.SQRT2 * 0.001) / 5, 5);
  expect(last?.shadowLatencyMs).toBeGreaterThan(0);
});

test('a shadow that is far off disagrees; a share of a half sees every other request', async () => {
  const route = { version: '1.0.0', shadow: { version: '2.0.0', share: 0.5 } };
  const { ask, evidence } = await serving(['1.0.0', '2.0.0'], route);
  for (let i = 1; i <= 6; i++) {
    void (await ask(floats(3, 4))).finish();
    await until(() => evidence().at(-1)?.requests === i && evidence().at(-1)?.samples === i >> 1);
  }
  expect(evidence().at(-1)).toMatchObject({ requests: 6, agreements: 0 });
});

test('a slow shadow holds nobody up: at most two inputs wait for it, and the rest are counted as dropped', async () => {
  const route = { version: '1.0.0', shadow: { version: '1.1.0', share: 1 } };
  const { ask, evidence } = await serving(['count', 'slow'], route);
  // Both versions count for long, once: while the shadow still does, the short ones are answered.
  void (await ask(count(300_000))).finish();
  for (let i = 0; i < 20; i++) void (await ask(count(1))).finish();
  const seen = () => evidence().at(-1);
  expect(seen()?.samples ?? 0).toBe(0);
  await until(() => (seen()?.samples ?? 0) + (seen()?.dropped ?? 0) === 21);
  expect(seen()).toMatchObject({ requests: 21, samples: 2, agreements: 2, dropped: 19, failures: 0 });
});

test('a shadow that fails on every input is counted, and its callers have their answers', async () => {
  // The shadow takes other inputs than the version that answers.
  const route = { version: '1.0.0', shadow: { version: '1.1.0', share: 1 } };
  const { ask, evidence } = await serving(['1.0.0', 'slow'], route);
  for (let i = 0; i < 4; i++) {
    const reply = await ask(floats(3, 4));
    expect(numbers(reply)).toEqual([3, 4]);
    void reply.finish();
    await until(() => evidence().at(-1)?.failures === i + 1);
  }
  expect(evidence().at(-1)).toMatchObject({ requests: 4, samples: 0, distance: null });
});

test('what the device is not sure about is asked of another server, until that is killed in the middle', async () => {
  const cloud = await serverWith({ bigger: [addModel(100, shape), schemaOf('FP32', shape)] });
  const route: Partial<Route> & { version: string } = {
    version: '1.0.0',
    cascade: {
      url: `http://127.0.0.1:${cloud.port}`,
      model: 'bigger',
      output: 'y',
      scores: 'probabilities',
      certainty: 0.5,
      timeoutMs: 5_000,
      callsPerHour: 1_000,
      bytesPerHour: 100_000_000,
    },
  };
  const { ask, engine, plan } = await serving(['1.0.0'], route);
  const unsure = floats(0.5, 0.5);
  expect((await ask(floats(1, 0))).parameters).toEqual({ answered_by: 'device', certainty: 1 });
  const asked = await ask(unsure);
  expect(numbers(asked)).toEqual([100.5, 100.5]);
  expect(asked.parameters).toEqual({ answered_by: 'cloud', certainty: 0, cloud_version: '1.2.0' });
  const named = await ask(unsure, { version: '1.0.0' });
  expect([numbers(named), named.parameters]).toEqual([[0.5, 0.5], undefined]);
  const inFlight = Promise.all(Array.from({ length: 8 }, () => ask(unsure)));
  const killed = cloud.close();
  const answers = [...(await inFlight), ...(await Promise.all(Array.from({ length: 8 }, () => ask(unsure))))];
  await killed;
  for (const answer of answers) {
    const isCloud = answer.parameters?.answered_by === 'cloud';
    expect(numbers(answer)).toEqual(isCloud ? [100.5, 100.5] : [0.5, 0.5]);
  }
  // The same policy in a new plan has not forgotten that the cloud is away.
  await engine.apply({ ...plan, plan: 2 });
  const last = await ask(unsure);
  expect(last.parameters).toEqual({ answered_by: 'device', certainty: 0, cloud: 'away' });
  expect(numbers(last)).toEqual([0.5, 0.5]);
});
