import { afterAll, beforeAll, expect, test } from 'vitest';
import { grpcClient } from '../grpc-client.fixture.ts';
import { addModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

const service = 'inference.GRPCInferenceService';

let server: Awaited<ReturnType<typeof serverWith>>;
let client: ReturnType<typeof grpcClient>;

beforeAll(async () => {
  server = await serverWith(
    {
      add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
    },
    { grpcPort: 0 },
  );
  client = grpcClient(server.grpcUrl ?? '');
});
afterAll(async () => {
  client.close();
  await server.close();
});

const floats = (...values: number[]) => Buffer.from(new Float32Array(values).buffer);
const addRequest = (changes: object = {}) => ({
  model_name: 'add',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }],
  raw_input_contents: [floats(1, 2)],
  ...changes,
});

test('requests are answered in their order, those that fail by a message, and the stream goes on', async () => {
  const stream = client.stream(service, 'ModelStreamInfer');
  const answers: {
    error_message: string;
    infer_response: { id: string; raw_output_contents: Buffer[] };
  }[] = [];
  stream.on('data', (answer) => answers.push(answer));
  const ended = new Promise<{ code: number }>((resolve) => stream.on('status', resolve));
  const count = 100;
  for (let i = 0; i < count; i++) {
    stream.write(
      i % 10 === 3
        ? { model_name: 'absent', id: `${i}` }
        : addRequest({ id: `${i}`, raw_input_contents: [floats(i, 0)] }),
    );
  }
  stream.end();
  expect((await ended).code).toBe(0);
  expect(answers.map(({ infer_response: { id } }) => id)).toEqual(
    Array.from({ length: count }, (_, i) => `${i}`),
  );
  for (const [i, { error_message: error, infer_response: answer }] of answers.entries()) {
    if (i % 10 === 3) expect(error).toBe('no model absent is deployed here');
    else expect(answer.raw_output_contents[0]).toEqual(floats(i + 1, 1));
  }
});

test('a message that is none is told, with what follows it answered', async () => {
  const stream = client.rawStream(`/${service}/ModelStreamInfer`);
  const first = new Promise<Buffer>((resolve) => stream.once('data', resolve));
  stream.write(Buffer.of(0xff, 0xff));
  expect((await first).toString()).toContain('not the protobuf message of this method');
  stream.end();
  const { code } = await new Promise<{ code: number }>((resolve) => stream.on('status', resolve));
  expect(code).toBe(0);
});

test('the end of the server ends watches and streams, told as unavailable', async () => {
  const other = await serverWith({ add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])] }, { grpcPort: 0 });
  const visitor = grpcClient(other.grpcUrl ?? '');
  const watch = visitor.watch('grpc.health.v1.Health', 'Watch', { service });
  const told = new Promise<{ status: string }>((resolve) => watch.once('data', resolve));
  expect(await told).toEqual({ status: 'SERVING' });
  const stream = visitor.stream(service, 'ModelStreamInfer');
  stream.write(addRequest());
  await new Promise((resolve) => stream.once('data', resolve));
  const ends = [watch, stream].map((call) => {
    call.on('error', () => {});
    return new Promise<{ code: number }>((resolve) => call.on('status', resolve));
  });
  const closed = other.close();
  for (const end of ends) expect((await end).code).toBe(14);
  visitor.close();
  await closed;
});
