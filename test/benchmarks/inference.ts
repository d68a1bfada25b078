import { existsSync } from 'node:fs';
import type { BareReady, BareRuns, BareStart } from './bare.ts';
import { type Connection, openConnection } from './connection.ts';
import { type Device, startDevice } from './device.ts';
import type { EmptyReady, EmptyStart } from './empty-handler.ts';
import type { Figure, Result } from './figures.ts';
import type { LeastReady, LeastStart } from './least-handler.ts';
import {
  type BenchmarkModel,
  faceDetector,
  inferenceRequest,
  loadedModel,
  mnist,
  variedInputs,
} from './models.ts';
import { type Program, startProgram } from './program.ts';
import { median, ratioOf, spreadOf } from './statistics.ts';

const inputCount = 4;
const parallelConnections = 4;
const fewestRounds = 10;
/** Of served latency to bare loop plus empty handler: 0.6 of their requests a second for the small model. */
const servedLimits = new Map([
  [mnist, 1 / 0.6],
  [faceDetector, 1.05],
]);

/** Times `runs` runs: latencies in milliseconds. */
type Contestant = (runs: number) => Promise<number[]>;
const contestants = ['bare', 'bareDefault', 'empty', 'least', 'leastInThread', 'served', 'parallel'] as const;
type Name = (typeof contestants)[number];

/** An inference over HTTP against its parts: the model alone, and HTTP alone with the same bodies. */
export async function benchmarkInference(): Promise<Result> {
  const models = [mnist, faceDetector];
  const absent = models.find(({ path }) => !existsSync(path));
  if (absent) return { benchmark: 'inference', skipped: `there is no ${absent.path}` };
  const figures: Figure[] = [];
  for (const model of models) figures.push(...(await measure(model)));
  return { benchmark: 'inference', figures };
}

async function measure(model: BenchmarkModel): Promise<Figure[]> {
  const stack = new AsyncDisposableStack();
  try {
    return figuresOf(model, await race(model, await prepare(model, stack)));
  } finally {
    await stack.disposeAsync();
  }
}

/** Starts everything, and sees to it that the device's answers are those of the bare loop, bit for bit. */
async function prepare(
  model: BenchmarkModel,
  stack: AsyncDisposableStack,
): Promise<Record<Name, Contestant>> {
  const { name, path, schema } = model;
  const started = (program: Program) => {
    stack.defer(() => program.stop());
    return program;
  };
  const open = async (url: string) => {
    const connection = await openConnection(url);
    stack.defer(async () => connection.close());
    return connection;
  };
  const bareOf = async (options: BareStart['options']) => {
    const program = started(startProgram(import.meta.resolve('./bare.ts')));
    const start: BareStart = { path, schema, inputCount, options };
    return { program, ...(await program.ask<BareReady>(start)) };
  };
  const bare = await bareOf('device');
  const bareDefault = await bareOf('default');
  const device: Device = await startDevice(
    import.meta.resolve('@covey/runtime/process'),
    loadedModel(name, path, schema),
  );
  started(device.program);
  const requests = variedInputs(schema, inputCount).map((inputs) => inferenceRequest(name, inputs));
  const connection = await open(device.url);
  const answer = await connection.exchange(requests[0] ?? Buffer.alloc(0));
  const empty = started(startProgram(import.meta.resolve('./empty-handler.ts')));
  const start: EmptyStart = { answerBytes: answer.byteLength };
  const { url } = await empty.ask<EmptyReady>(start);
  const least = async (place: LeastStart['place']) => {
    const program = started(startProgram(import.meta.resolve('./least-handler.ts')));
    const ready = await program.ask<LeastReady>({ path, schema, place } satisfies LeastStart);
    return clientOf(await open(ready.url), requests, check);
  };
  const check = (body: Buffer, index: number) => checkAnswer(body, bare.outputs[index]);
  const connections = await Promise.all(Array.from({ length: parallelConnections }, () => open(device.url)));
  return {
    bare: loopOf(bare.program),
    bareDefault: loopOf(bareDefault.program),
    empty: clientOf(await open(url), requests, () => {}),
    least: await least('here'),
    leastInThread: await least('thread'),
    served: clientOf(connection, requests, check),
    parallel: parallelClientOf(connections, requests),
  };
}

function loopOf(program: Program): Contestant {
  return async (runs) => (await program.ask<BareRuns>({ runs })).latenciesMs;
}

/** The time from the first byte sent to the last received; the check is not in it. */
function clientOf(
  connection: Connection,
  requests: Buffer[],
  check: (body: Buffer, index: number) => void,
): Contestant {
  let next = 0;
  return async (runs) => {
    const latenciesMs: number[] = [];
    for (let run = 0; run < runs; run++) {
      const index = next++ % requests.length;
      const startedMs = performance.now();
      const body = await connection.exchange(requests[index] ?? Buffer.alloc(0));
      latenciesMs.push(performance.now() - startedMs);
      check(body, index);
    }
    return latenciesMs;
  };
}

/** Connections at once: the time per answer, all together. */
function parallelClientOf(connections: Connection[], requests: Buffer[]): Contestant {
  const clients = connections.map((connection) => clientOf(connection, requests, () => {}));
  return async (runs) => {
    const startedMs = performance.now();
    await Promise.all(clients.map((client) => client(runs)));
    return [(performance.now() - startedMs) / (runs * clients.length)];
  };
}

function checkAnswer(body: Buffer, expected: Uint8Array | undefined): void {
  const outputs = body.subarray(body.byteLength - (expected?.byteLength ?? 0));
  if (!expected || !outputs.equals(expected))
    throw new Error('the device gave other outputs than the bare loop');
}

/** Medians of every round, by contestant. Each round starts with another one: nobody always follows the same. */
async function race(
  { rounds, warmRounds, longestMs, runsPerRound }: BenchmarkModel,
  running: Record<Name, Contestant>,
): Promise<Record<Name, number[]>> {
  const medians = Object.fromEntries(contestants.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  const untilMs = performance.now() + longestMs;
  for (let round = -warmRounds; round < rounds; round++) {
    if (round >= fewestRounds && performance.now() > untilMs) break;
    for (let turn = 0; turn < contestants.length; turn++) {
      const name = contestants[(turn + warmRounds + round) % contestants.length] ?? 'bare';
      const latenciesMs = await running[name](runsPerRound);
      if (round >= 0) medians[name].push(median(latenciesMs));
    }
  }
  return medians;
}

function figuresOf(model: BenchmarkModel, medians: Record<Name, number[]>): Figure[] {
  const { bare, empty, least, leastInThread, served, bareDefault, parallel } = medians;
  const parts = bare.map((latencyMs, round) => latencyMs + (empty[round] ?? Number.NaN));
  const [inputs = {}] = variedInputs(model.schema, 1);
  const copyMs = copyTime(inferenceRequest(model.name, inputs));
  const bareLoop = { name: 'bare loop', value: median(bare) };
  const limit = servedLimits.get(model) ?? Number.POSITIVE_INFINITY;
  const toParts = (latencies: number[]) => ({
    name: 'bare loop + empty handler',
    ratio: ratioOf(latencies, parts),
  });
  return [
    { name: `${model.name}: bare loop`, value: spreadOf(bare), unit: 'ms' },
    {
      name: `${model.name}: bare loop, default options`,
      value: spreadOf(bareDefault),
      unit: 'ms',
      baseline: { name: 'bare loop', ratio: ratioOf(bareDefault, bare) },
    },
    {
      name: `${model.name}: empty handler`,
      value: spreadOf(empty),
      unit: 'ms',
      floor: { name: 'one copy of the request', value: copyMs },
    },
    {
      name: `${model.name}: least handler, the model in place`,
      value: spreadOf(least),
      unit: 'ms',
      baseline: toParts(least),
    },
    {
      name: `${model.name}: least handler, the model in a thread`,
      value: spreadOf(leastInThread),
      unit: 'ms',
      baseline: toParts(leastInThread),
    },
    {
      name: `${model.name}: device over HTTP`,
      value: spreadOf(served),
      unit: 'ms',
      baseline: { ...toParts(served), limit },
      floor: bareLoop,
    },
    {
      name: `${model.name}: device, ${parallelConnections} connections, per answer`,
      value: spreadOf(parallel),
      unit: 'ms',
      baseline: { name: 'bare loop', ratio: ratioOf(parallel, bare) },
      floor: bareLoop,
    },
  ];
}

/** Milliseconds that memory takes to copy the bytes once. */
function copyTime(bytes: Buffer): number {
  const target = Buffer.alloc(bytes.byteLength);
  const timesMs = Array.from({ length: 200 }, () => {
    const startedMs = performance.now();
    bytes.copy(target);
    return performance.now() - startedMs;
  });
  return median(timesMs);
}
