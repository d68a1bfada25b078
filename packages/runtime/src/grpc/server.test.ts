import { connect } from 'node:http2';
import { afterEach, expect, test } from 'vitest';
import { grpcClient } from '../grpc-client.fixture.ts';
import { type Method, unary } from './method.ts';
import { type GrpcServer, serveMethods } from './server.ts';

const stallMs = 50;
const servers: GrpcServer[] = [];
const serve = async (method: Method) => {
  const server = await serveMethods({ '/t/Ask': method }, { host: '127.0.0.1', port: 0, stallMs });
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

/** A call whose bytes and reading are the test's. */
function open({ url }: GrpcServer) {
  const session = connect(url.replace('grpc:', 'http:'));
  const stream = session.request({
    ':method': 'POST',
    ':path': '/t/Ask',
    'content-type': 'application/grpc',
  });
  return { session, stream };
}

test('a message that takes too long to arrive is given up', async () => {
  const { session, stream } = open(await serve(unary(() => ({ parts: [] }))));
  const response = new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve));
  stream.write(Buffer.of(0, 0, 0, 0, 9));
  expect(await response).toMatchObject({ 'grpc-status': '4', 'x-covey-error-code': 'TIMEOUT' });
  session.destroy();
});

test('an answer that nobody takes is given up, and with it its memory', async () => {
  const sent = Promise.withResolvers<void>();
  const large = new Uint8Array(32 * 1024 * 1024);
  const { session, stream } = open(
    await serve((call) =>
      call.read({ message: () => void call.send([large]).then(() => sent.resolve()), end: () => {} }),
    ),
  );
  stream.on('error', () => {});
  stream.pause();
  stream.end(Buffer.alloc(5));
  await sent.promise;
  session.destroy();
});

test('a call that its client has left is told so', async () => {
  const asked = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const server = await serve(
    unary((_message, call) => {
      call.signal.addEventListener('abort', () => aborted.resolve());
      asked.resolve();
      return new Promise(() => {});
    }),
  );
  const { session, stream } = open(server);
  stream.on('error', () => {});
  stream.end(Buffer.alloc(5));
  await asked.promise;
  stream.close();
  await aborted.promise;
  session.destroy();
});

test('a port that is taken is said', async () => {
  const { port } = await serve(unary(() => ({ parts: [] })));
  const again = serveMethods({}, { host: '127.0.0.1', port, stallMs });
  await expect(again).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: expect.stringContaining(`port ${port}`),
  });
});

test('what runs is answered while the server closes', async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const server = await serve(
    unary(async (message) => {
      asked.resolve();
      await answer.promise;
      return { parts: [message] };
    }),
  );
  const client = grpcClient(server.url);
  const asking = client.raw('/t/Ask', Buffer.from('hello'));
  await asked.promise;
  const closed = server.close(10_000);
  answer.resolve();
  expect(await asking).toMatchObject({ code: 0, answer: Buffer.from('hello') });
  client.close();
  await closed;
});
