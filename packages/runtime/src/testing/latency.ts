/**
 * Measures what serving adds to a model: `node latency.ts <face-rfb-320.onnx>`. Compares an HTTP inference (binary
 * extension, real runtime process) with its parts: an empty node:http handler that takes and gives the same bodies, then a
 * bare ONNX Runtime run. All take turns, so that whatever else the machine does disturbs them alike; `parts` is timed as
 * one, because quantiles of parts measured apart do not add up to that of their sum.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { AgentToRuntime, ModelSchema, RuntimeToAgent } from '@covey/protocol';
import { openSession } from '../executor/index.ts';
import { client } from './client.ts';
import { loadedModel } from './models.ts';

const schema: ModelSchema = {
  inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 3, 240, 320] }],
  outputs: [
    { name: 'scores', datatype: 'FP32', shape: [1, 4420, 2] },
    { name: 'boxes', datatype: 'FP32', shape: [1, 4420, 4] },
  ],
};
const inputBytes = 3 * 240 * 320 * 4;
const outputBytes = 4420 * 6 * 4;
const rounds = 120;
const warmRounds = 40;
const runsPerRound = 10;

const [, , path] = process.argv;
if (path === '--empty') await serveNothing();
else if (path) await measure(path);

/** The empty handler: reads the body, answers as many bytes as the model would. */
async function serveNothing(): Promise<void> {
  const answer = Buffer.alloc(outputBytes);
  const server = createServer((request, response) => {
    request.on('data', () => {});
    request.on('end', () => response.writeHead(200, { 'inference-header-content-length': 0 }).end(answer));
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.once('disconnect', () => process.exit());
}

async function measure(model: string): Promise<void> {
  const data = new Uint8Array(new SharedArrayBuffer(inputBytes));
  const session = await openSession(model, schema);
  const runtime = fork(fileURLToPath(import.meta.resolve('@covey/runtime/process')), {
    serialization: 'advanced',
  });
  const tell = (message: AgentToRuntime) => runtime.send(message);
  tell({ type: 'start', host: '127.0.0.1', port: 0, metricsIntervalMs: 10_000, summaryIntervalMs: 60_000 });
  const [ready] = (await once(runtime, 'message')) as [RuntimeToAgent];
  if (ready.type !== 'ready') throw new Error('the runtime did not start');
  tell({ type: 'apply', plan: { plan: 1, models: [loadedModel(model, schema, { name: 'face' })] } });
  await once(runtime, 'message');
  const empty = fork(fileURLToPath(import.meta.url), ['--empty']);
  const [{ port }] = (await once(empty, 'message')) as [{ port: number }];

  const served = client(ready.url);
  const handled = client(`http://127.0.0.1:${port}`);
  const header = {
    parameters: { binary_data_output: true },
    inputs: [
      {
        name: 'input',
        datatype: 'FP32',
        shape: [1, 3, 240, 320],
        parameters: { binary_data_size: inputBytes },
      },
    ],
  };
  const input = { input: { datatype: 'FP32' as const, shape: [1, 3, 240, 320], data } };
  const contestants = {
    bare: () => session.run(input),
    empty: () => handled.postBinary('/', header, data),
    parts: async () => {
      await handled.postBinary('/', header, data);
      await session.run(input);
    },
    served: () => served.postBinary('/v2/models/face/infer', header, data),
  };
  const latenciesMs: Latencies = { bare: [], empty: [], parts: [], served: [] };
  for (let round = 0; round < rounds; round++) {
    for (const name of ['bare', 'empty', 'parts', 'served'] as const) {
      for (let run = 0; run < runsPerRound; run++) {
        const startedMs = performance.now();
        await contestants[name]();
        // The first rounds warm: the compiler takes some hundred requests to know what is hot.
        if (round >= warmRounds) latenciesMs[name].push(performance.now() - startedMs);
      }
    }
  }
  for (const q of [0.1, 0.5]) process.stdout.write(`${reportAt(q, latenciesMs)}\n`);
  for (const http of [served, handled]) http.close();
  await session.release();
  runtime.disconnect();
  empty.disconnect();
}

interface Latencies {
  bare: number[];
  empty: number[];
  parts: number[];
  served: number[];
}

/** On a machine with other work, the tenth percentile is closer to what the code costs than the median is. */
function reportAt(q: number, latenciesMs: Latencies): string {
  const at = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(q * values.length)] ?? Number.NaN;
  const shown = Object.entries(latenciesMs).map(([name, values]) => `${name} ${at(values).toFixed(2)} ms`);
  const { bare, empty, parts, served } = latenciesMs;
  const toSum = at(served) / (at(bare) + at(empty));
  const toParts = at(served) / at(parts);
  return `quantile ${q}: ${shown.join(', ')}, served/(bare + empty) ${toSum.toFixed(3)}, served/parts ${toParts.toFixed(3)}`;
}
