import { existsSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';
import type { BareReady, BareRuns, BareStart } from './bare.ts';
import { startDevice } from './device.ts';
import type { EmptyGrpcReady, EmptyGrpcStart } from './empty-grpc-handler.ts';
import type { Figure, Result } from './figures.ts';
import { grpcRequest, inferPath, rawOutputs } from './grpc-message.ts';
import { type BenchmarkModel, faceDetector, loadedModel, mnist, variedInputs } from './models.ts';
import { type Program, startProgram } from './program.ts';
import { median, ratioOf, spreadOf } from './statistics.ts';

const inputCount = 4;
const fewestRounds = 10;
/** Of served latency to bare loop plus empty handler. */
const faceLimit = 1.1;

/** Times `runs` runs: latencies in milliseconds. */
type Contestant = (runs: number) => Promise<number[]>;
const contestants = ['bare', 'empty', 'served'] as const;
type Name = (typeof contestants)[number];

/** An inference over gRPC against its parts: the model alone, and a handler of @grpc/grpc-js with the same bytes. */
export async function benchmarkGrpc(): Promise<Result> {
  const models = [mnist, faceDetector];
  const absent = models.find(({ path }) => !existsSync(path));
  if (absent) return { benchmark: 'grpc', skipped: `there is no ${absent.path}` };
  const figures: Figure[] = [];
  for (const model of models) {
    const stack = new AsyncDisposableStack();
    try {
      figures.push(...figuresOf(model, await race(model, await prepare(model, stack))));
    } finally {
      await stack.disposeAsync();
    }
  }
  return { benchmark: 'grpc', figures };
}

/** Starts everything, and sees to it that the device's answers are those of the bare loop, bit for bit. */
async function prepare(
  { name, path, schema }: BenchmarkModel,
  stack: AsyncDisposableStack,
): Promise<Record<Name, Contestant>> {
  const started = (program: Program) => {
    stack.defer(() => program.stop());
    return program;
  };
  const open = (url = '') => {
    const client = new Client(new URL(url).host, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    stack.defer(async () => client.close());
    return client;
  };
  const bare = started(startProgram(import.meta.resolve('./bare.ts')));
  const start: BareStart = { path, schema, inputCount, options: 'device' };
  const { outputs } = await bare.ask<BareReady>(start);
  const module = import.meta.resolve('@covey/runtime/process');
  const device = await startDevice(module, loadedModel(name, path, schema), { grpcPort: 0 });
  started(device.program);
  const requests = variedInputs(schema, inputCount).map((inputs) => grpcRequest(name, inputs));
  const client = open(device.grpcUrl);
  const { byteLength: answerBytes } = await ask(client, requests[0] ?? Buffer.alloc(0));
  const empty = started(startProgram(import.meta.resolve('./empty-grpc-handler.ts')));
  const emptyStart: EmptyGrpcStart = { path: inferPath, answerBytes };
  const { url } = await empty.ask<EmptyGrpcReady>(emptyStart);
  return {
    bare: async (runs) => (await bare.ask<BareRuns>({ runs })).latenciesMs,
    empty: clientOf(open(url), requests, () => {}),
    served: clientOf(client, requests, (answer, index) => {
      const expected = outputs[index];
      if (!expected || !rawOutputs(answer).equals(expected))
        throw new Error('the device gave other outputs than the bare loop');
    }),
  };
}

function ask(client: Client, request: Buffer): Promise<Buffer> {
  const asBytes = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(inferPath, asBytes, asBytes, request, (error, answer) => {
      if (error) reject(error);
      else resolve(answer ?? Buffer.alloc(0));
    });
  });
}

/** The time of a call as its client sees it; the check is not in it. */
function clientOf(
  client: Client,
  requests: Buffer[],
  check: (answer: Buffer, index: number) => void,
): Contestant {
  let next = 0;
  return async (runs) => {
    const latenciesMs: number[] = [];
    for (let run = 0; run < runs; run++) {
      const index = next++ % requests.length;
      const startedMs = performance.now();
      const answer = await ask(client, requests[index] ?? Buffer.alloc(0));
      latenciesMs.push(performance.now() - startedMs);
      check(answer, index);
    }
    return latenciesMs;
  };
}

/** Medians of every round, by contestant. Each round starts with another one: nobody always follows the same. */
async function race(
  { rounds, warmRounds, longestMs, runsPerRound }: BenchmarkModel,
  running: Record<Name, Contestant>,
): Promise<Record<Name, number[]>> {
  const medians: Record<Name, number[]> = { bare: [], empty: [], served: [] };
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

function figuresOf(
  { name, ...model }: BenchmarkModel,
  { bare, empty, served }: Record<Name, number[]>,
): Figure[] {
  const parts = bare.map((latencyMs, round) => latencyMs + (empty[round] ?? Number.NaN));
  const limit = name === faceDetector.name ? { limit: faceLimit } : {};
  const copied = variedInputs(model.schema, 1).map((inputs) => grpcRequest(name, inputs).byteLength);
  return [
    { name: `${name}: bare loop`, value: spreadOf(bare), unit: 'ms' },
    { name: `${name}: empty handler, ${copied[0]} bytes`, value: spreadOf(empty), unit: 'ms' },
    {
      name: `${name}: device over gRPC`,
      value: spreadOf(served),
      unit: 'ms',
      baseline: { name: 'bare loop + empty handler', ratio: ratioOf(served, parts), ...limit },
      floor: { name: 'bare loop', value: median(bare) },
    },
  ];
}
