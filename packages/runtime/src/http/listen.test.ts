import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { streamLog, systemClock } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEngine } from '../engine/index.ts';
import { nodePlatform } from '../node/index.ts';
import { openInference } from '../open-inference/index.ts';
import { createInferenceServer } from '../server.ts';
import { createHttpService } from './server.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'covey-socket-'));
});
afterAll(() => rm(folder, { recursive: true }));

function service() {
  const engine = createEngine({
    platform: nodePlatform,
    fetch: nodeFetch,
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    metricsIntervalMs: 60_000,
    summaryIntervalMs: 60_000,
    send: () => {},
  });
  const http = createHttpService(engine, [openInference]);
  return {
    http,
    close: async () => {
      await http.close(1_000);
      await engine.close(1_000);
    },
  };
}

const statusAt = (socketPath: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    request({ socketPath, path: '/v2/health/live', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });

test('a Unix socket answers, for its owner alone, beside TCP, and is gone after the end', async () => {
  const path = join(folder, 'runtime.sock');
  const { http, close } = service();
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 });
  await http.listenOnPath(path);
  expect(await statusAt(path)).toBe(200);
  expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await close();
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('an inference server listens on it when told so', async () => {
  const socketPath = join(folder, 'server.sock');
  const server = createInferenceServer({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    host: '127.0.0.1',
    port: 0,
    socketPath,
    metricsIntervalMs: 60_000,
    summaryIntervalMs: 60_000,
    send: () => {},
  });
  await server.listen();
  expect(await statusAt(socketPath)).toBe(200);
  await server.drain();
});

test('what a dead process left is replaced; what a living one answers on is not', async () => {
  const path = join(folder, 'stale.sock');
  const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.send('up'))`;
  const script = join(folder, 'listen.cjs');
  await writeFile(script, code);
  const other = fork(script);
  await once(other, 'message');
  const first = service();
  await expect(first.http.listenOnPath(path)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  other.kill('SIGKILL');
  await once(other, 'exit');
  await first.http.listenOnPath(path);
  expect(await statusAt(path)).toBe(200);
  await first.close();
});

test('a file that is no socket is left alone, and a path that is too long is told', async () => {
  const path = join(folder, 'file');
  await writeFile(path, 'mine');
  const { http, close } = service();
  await expect(http.listenOnPath(path)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(http.listenOnPath(join(folder, 'x'.repeat(100)))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  await close();
});

test('a port in use is told', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const { http, close } = service();
  await expect(http.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await close();
  other.close();
});
