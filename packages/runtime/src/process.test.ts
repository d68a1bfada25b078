import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeProcesses } from '@covey/ports';
import type { AgentToRuntime, LoadedModel, RuntimeToAgent } from '@covey/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { client } from './client.fixture.ts';
import { addModel, countingModel, loadedModel, modelFolder, schemaOf } from './models.fixture.ts';

let models: Awaited<ReturnType<typeof modelFolder>>;
const running: Array<() => void> = [];

beforeAll(async () => {
  models = await modelFolder();
});
afterEach(() => {
  for (const end of running.splice(0)) end();
});
afterAll(() => models.remove());

/** The real process, and what it said. */
function startRuntime(
  port = 0,
  intervals = { metricsIntervalMs: 200, summaryIntervalMs: 60_000 },
  standby = false,
) {
  const messages: RuntimeToAgent[] = [];
  const exits: Array<{ code: number | null; signal: string | null }> = [];
  const child = nodeProcesses.start({
    module: import.meta.resolve('@covey/runtime/process'),
    nodeFlags: [],
    firstToDie: false,
    onErrorLine: () => {},
    onMessage: (message) => messages.push(message as RuntimeToAgent),
    onExit: (exit) => exits.push(exit),
  });
  running.push(() => child.kill('SIGKILL'));
  const send = (message: AgentToRuntime) => child.send(message);
  const of = <T extends RuntimeToAgent['type']>(type: T) =>
    messages.filter((message): message is Extract<RuntimeToAgent, { type: T }> => message.type === type);
  const until = <T extends RuntimeToAgent['type']>(type: T, count = 1) =>
    expect.poll(() => of(type).length, { timeout: 15_000 }).toBeGreaterThanOrEqual(count);
  const exited = async () => {
    await expect.poll(() => exits.length, { timeout: 15_000 }).toBe(1);
    return exits[0];
  };
  const recordPath = join(models.folder, `running-${running.length}`);
  send({ type: 'start', host: '127.0.0.1', port, ...intervals, recordPath, standby });
  const apply = async (
    plan: number,
    wanted: LoadedModel[],
    mirror?: { models: LoadedModel[]; sampleShare: number },
  ) => {
    send({ type: 'apply', plan: { plan, models: wanted, ...(mirror && { mirror }) } });
    await expect
      .poll(() => of('applied').some((message) => message.plan === plan), { timeout: 15_000 })
      .toBe(true);
    return of('applied').find((message) => message.plan === plan)?.error;
  };
  const connect = async () => {
    await until('ready');
    return client(of('ready')[0]?.url ?? '');
  };
  return { child, send, of, until, exited, apply, connect };
}

const addVersion = async (version: string, constant: number): Promise<LoadedModel> => {
  const path = await models.write(`add-${version}.onnx`, addModel(constant, [-1]));
  return loadedModel(path, schemaOf('FP32', [-1]), { version, number: Number(version.split('.')[0]) });
};
const infer = (http: ReturnType<typeof client>, data = 1) =>
  http.post('/v2/models/m/infer', { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [data] }] });

test('no request fails while plans alternate, and every answer is that of the version it names', async () => {
  const runtime = startRuntime();
  const http = await runtime.connect();
  const versions = [await addVersion('1.0.0', 1), await addVersion('2.0.0', 2)] as const;
  expect(await http.get('/v2/health/ready')).toMatchObject({ status: 400 });
  expect(await infer(http)).toMatchObject({ status: 503 });
  expect(await runtime.apply(1, [versions[0]])).toBeUndefined();
  let stop = false;
  const seen = new Map<string, number>();
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!stop) {
        const reply = await infer(http, 10);
        expect(reply.status, reply.body.toString()).toBe(200);
        const { model_version, outputs } = reply.json as {
          model_version: string;
          outputs: [{ data: number[] }];
        };
        expect(outputs[0].data).toEqual([model_version === '1.0.0' ? 11 : 12]);
        seen.set(model_version, (seen.get(model_version) ?? 0) + 1);
      }
    }),
  );
  for (let plan = 2; plan <= 5; plan++) {
    expect(await runtime.apply(plan, [plan % 2 === 0 ? versions[1] : versions[0]])).toBeUndefined();
  }
  stop = true;
  await load;
  expect([...seen.keys()].sort()).toEqual(['1.0.0', '2.0.0']);
  runtime.send({ type: 'drain' });
  expect(await runtime.exited()).toEqual({ code: 0, signal: null });
  const counted = runtime.of('metrics').flatMap(({ metrics }) => metrics.models);
  const total = counted.reduce((sum, { requests }) => sum + requests, 0);
  expect(total).toBe([...seen.values()].reduce((sum, count) => sum + count, 0));
  const summarized = runtime.of('summary').reduce((sum, { summary }) => sum + summary.answeredInferences, 0);
  expect(summarized).toBe(total);
  http.close();
}, 60_000);

test('a plan that fails leaves the one before it serving, and says why', async () => {
  const runtime = startRuntime();
  const http = await runtime.connect();
  const good = await addVersion('1.0.0', 1);
  const garbage = await models.write('garbage.onnx', new TextEncoder().encode('no model'));
  expect(await runtime.apply(1, [good])).toBeUndefined();
  const broken = loadedModel(garbage, schemaOf('FP32', [-1]), { version: '2.0.0' });
  expect(await runtime.apply(2, [broken])).toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining('model m 2.0.0 (fp32)'),
  });
  expect((await infer(http)).json).toMatchObject({ model_version: '1.0.0' });
  const absent = loadedModel(`${garbage}.absent`, schemaOf('FP32', [-1]), { version: '3.0.0' });
  expect(await runtime.apply(3, [absent])).toMatchObject({ code: 'MODEL_INVALID' });
  expect((await infer(http)).json).toMatchObject({ model_version: '1.0.0' });
  http.close();
});

test('the mirror compares live inputs with the version before: agreement, disagreement, errors alone', async () => {
  const runtime = startRuntime();
  const http = await runtime.connect();
  const [one, close, far] = [
    await addVersion('1.0.0', 1),
    await addVersion('2.0.0', 1.01),
    await addVersion('3.0.0', 9),
  ];
  const last = () => runtime.of('mirror').at(-1);
  const settled = (plan: number, evidence: object) =>
    expect.poll(() => last(), { timeout: 10_000 }).toMatchObject({ plan, evidence: [evidence] });
  await runtime.apply(1, [one]);
  await runtime.apply(2, [close], { models: [one], sampleShare: 1 });
  for (let i = 0; i < 10; i++) await infer(http, i + 1);
  await settled(2, {
    model: 'm',
    requests: 10,
    errors: 0,
    samples: 10,
    agreements: 10,
    latencyMs: expect.any(Number),
    incumbentLatencyMs: expect.any(Number),
  });
  await runtime.apply(3, [far], { models: [one], sampleShare: 0.5 });
  for (let i = 0; i < 10; i++) await infer(http, i + 1);
  await settled(3, { requests: 10, samples: 5, agreements: 0 });
  // The version before is still loaded: going back is a switch.
  expect(await runtime.apply(4, [one])).toBeUndefined();
  expect((await infer(http)).json).toMatchObject({ model_version: '1.0.0' });
  await runtime.apply(5, [one], { models: [], sampleShare: 1 });
  await infer(http);
  await settled(5, { requests: 1, errors: 0, samples: 0, latencyMs: null });
  http.close();
});

test('a drain answers what runs, refuses what comes, and gives out what was measured', async () => {
  const runtime = startRuntime(0, { metricsIntervalMs: 60_000, summaryIntervalMs: 60_000 });
  const http = await runtime.connect();
  const path = await models.write('count.onnx', countingModel());
  await runtime.apply(1, [loadedModel(path, schemaOf('INT64', []))]);
  const slow = http.post('/v2/models/m/infer', {
    inputs: [{ name: 'x', datatype: 'INT64', shape: [], data: [300_000] }],
  });
  // Accepted for sure once a later request on another connection has been answered.
  await http.get('/v2/health/live');
  runtime.child.kill('SIGTERM');
  expect(await slow).toMatchObject({ status: 200 });
  expect(await runtime.exited()).toEqual({ code: 0, signal: null });
  // A window may end in between: what counts is that nothing is lost and nothing counted twice.
  expect(runtime.of('metrics').flatMap(({ metrics }) => metrics.models)).toMatchObject([{ requests: 1 }]);
  expect(runtime.of('summary')).toMatchObject([{ summary: { inferences: 1 } }]);
  http.close();
});

test('without its agent it drains and exits; Ctrl-C is not its business', async () => {
  const runtime = fork(fileURLToPath(import.meta.resolve('@covey/runtime/process')), {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  running.push(() => runtime.kill('SIGKILL'));
  const start: AgentToRuntime = {
    type: 'start',
    host: '127.0.0.1',
    port: 0,
    metricsIntervalMs: 60_000,
    summaryIntervalMs: 60_000,
    recordPath: join(models.folder, 'running-orphan'),
    standby: false,
  };
  runtime.send(start);
  const [ready] = (await once(runtime, 'message')) as [RuntimeToAgent];
  const http = client(ready.type === 'ready' ? ready.url : '');
  runtime.kill('SIGINT');
  expect(await http.get('/v2/health/live')).toMatchObject({ status: 200 });
  runtime.disconnect();
  expect(await once(runtime, 'exit')).toEqual([0, null]);
  http.close();
});

test('a port in use is told, and the process ends', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const runtime = startRuntime(port);
  expect(await runtime.exited()).toEqual({ code: 1, signal: null });
  expect(runtime.of('failed')).toMatchObject([{ error: { code: 'PORT_IN_USE' } }]);
  other.close();
});
