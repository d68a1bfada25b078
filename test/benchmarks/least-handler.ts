import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { ModelSchema } from '@covey/protocol';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { deviceOptions } from './session-options.ts';

/**
 * Program: the least that answers an inference over HTTP. It takes the bytes after the JSON as the one input, checks nothing,
 * and answers the outputs; the model runs in place, or in a thread as the device has it.
 */

export interface LeastStart {
  path: string;
  schema: ModelSchema;
  place: 'here' | 'thread';
}
export interface LeastReady {
  url: string;
}

type Run = (input: SharedArrayBuffer) => Promise<Uint8Array[]>;

if (isMainThread) {
  process.once('disconnect', () => process.exit());
  process.once('message', (start: LeastStart) => void serve(start));
} else if (parentPort) {
  const port = parentPort;
  const run = await loaded(workerData as LeastStart);
  port.on('message', async (input: SharedArrayBuffer) => {
    const outputs = await run(input);
    port.postMessage(
      outputs,
      outputs.map(({ buffer }) => buffer as ArrayBuffer),
    );
  });
  port.postMessage([]);
}

async function loaded({ path, schema }: LeastStart): Promise<Run> {
  const session = await InferenceSession.create(path, deviceOptions);
  const names = schema.outputs.map(({ name }) => name);
  const [{ name, shape } = { name: '', shape: [] }] = schema.inputs;
  return async (input) => {
    const results = await session.run(
      { [name]: new Tensor('float32', new Float32Array(input), shape) },
      names,
    );
    return names.map((output) => {
      const data = results[output]?.data;
      if (!(data instanceof Float32Array)) throw new Error('the model gave no FP32 output');
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    });
  };
}

async function inThread(start: LeastStart): Promise<Run> {
  const worker = new Worker(new URL(import.meta.url), { workerData: start });
  const answered = () => new Promise<Uint8Array[]>((resolve) => worker.once('message', resolve));
  await answered();
  return (input) => {
    const outputs = answered();
    worker.postMessage(input);
    return outputs;
  };
}

async function serve(start: LeastStart): Promise<void> {
  const run = await (start.place === 'here' ? loaded(start) : inThread(start));
  let input = new SharedArrayBuffer(0);
  const server = createServer((request, response) => {
    const jsonBytes = Number(request.headers['inference-header-content-length']);
    const sizeBytes = Number(request.headers['content-length']) - jsonBytes;
    if (input.byteLength !== sizeBytes) input = new SharedArrayBuffer(sizeBytes);
    const body = new Uint8Array(input);
    let received = -jsonBytes;
    request.on('data', (chunk: Buffer) => {
      chunk.copy(body, Math.max(0, received), Math.min(chunk.byteLength, Math.max(0, -received)));
      received += chunk.byteLength;
    });
    request.on('end', async () => {
      const outputs = await run(input);
      const answerBytes = outputs.reduce((total, { byteLength }) => total + byteLength, 0);
      response.writeHead(200, { 'content-length': answerBytes });
      response.cork();
      for (const output of outputs) response.write(output);
      response.end();
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ url: `http://127.0.0.1:${port}` } satisfies LeastReady);
  });
}
