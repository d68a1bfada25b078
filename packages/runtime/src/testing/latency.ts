/**
 * Measures what serving adds to a model: `node latency.ts <face-rfb-320.onnx>`. Compares an HTTP inference (binary
 * extension, real runtime process) with the sum of a bare ONNX Runtime loop and an empty node:http handler that takes and
 * gives the same bodies; the three take turns, so that whatever else the machine does disturbs them alike.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { AgentToRuntime, ModelSchema, RuntimeToAgent } from '@covey/protocol';
import { openSession } from '../executor/index.ts';
import { median } from '../measure/index.ts';
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
const rounds = 40;
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
    served: () => served.postBinary('/v2/models/face/infer', header, data),
  };
  const latenciesMs = { bare: [] as number[], empty: [] as number[], served: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const name of ['bare', 'empty', 'served'] as const) {
      for (let run = 0; run < runsPerRound; run++) {
        const startedMs = performance.now();
        await contestants[name]();
        // The first round warms.
        if (round > 0) latenciesMs[name].push(performance.now() - startedMs);
      }
    }
  }
  const [bare, handler, whole] = [latenciesMs.bare, latenciesMs.empty, latenciesMs.served].map(
    (values) => median(values) ?? 0,
  );
  const ratio = (whole ?? 0) / ((bare ?? 0) + (handler ?? 0));
  process.stdout.write(
    `bare ${bare?.toFixed(2)} ms, empty handler ${handler?.toFixed(2)} ms, served ${whole?.toFixed(2)} ms: ratio ${ratio.toFixed(3)}\n`,
  );
  for (const http of [served, handled]) http.close();
  await session.release();
  runtime.disconnect();
  empty.disconnect();
}
