import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { CoveyError } from '@covey/protocol';
import { describe, expect, it } from 'vitest';
import type { FetchHead } from '../ports.ts';
import { nodeFetch } from './network.ts';

async function withServer(answer: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
const ask = (url: string, change = {}) =>
  nodeFetch({ method: 'GET', url, timeoutMs: 5_000, maxBytes: 100, ...change });

describe('the real fetch', () => {
  it('gives any status as an answer, and sends a body', async () => {
    await withServer(
      async (request, response) => {
        let body = '';
        for await (const part of request) body += part;
        response
          .writeHead(404, { 'x-length': request.headers['content-length'] })
          .end(`${request.method} ${body}`);
      },
      async (url) => {
        const answer = await ask(url, { method: 'POST', body: Buffer.from('data') });
        expect([answer.status, answer.headers['x-length'], answer.body.toString()]).toEqual([
          404,
          '4',
          'POST data',
        ]);
      },
    );
  });

  it('stops reading at the limit, even when the answer never ends', async () => {
    await withServer(
      (_request, response) => {
        const more = () => {
          while (response.writable && response.write(Buffer.alloc(60)));
          response.once('drain', more);
        };
        more();
      },
      async (url) => {
        await expect(ask(url)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
      },
    );
    await withServer(
      (_request, response) => response.end(Buffer.alloc(100)),
      async (url) => expect((await ask(url)).body.byteLength).toBe(100),
    );
  });

  it('gives up on a server that says nothing, breaks off, or is not there', async () => {
    await withServer(
      () => {},
      (url) => expect(ask(url, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' }),
    );
    await withServer(
      (_request, response) => {
        response.writeHead(200, { 'content-length': '10' }).write('half');
        response.destroy();
      },
      (url) => expect(ask(url)).rejects.toMatchObject({ code: 'UNREACHABLE' }),
    );
    await expect(ask('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('gives up in time on a server that takes the connection and says nothing of TLS', async () => {
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      const from = performance.now();
      await expect(ask(url, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
      expect(performance.now() - from).toBeLessThan(4_000);
      const [socket] = sockets;
      // Nothing is left behind that would keep a command from ending.
      if (socket && !socket.destroyed) await once(socket.resume(), 'close');
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });

  it('hands a body over in parts, reads on when each is dealt with, and says at which byte it broke', async () => {
    const body = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
    await withServer(
      (request, response) => {
        const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
        const range = `bytes ${start}-${body.length - 1}/${body.length}`;
        response.writeHead(206, { 'content-range': range, 'content-length': String(body.length - start) });
        // The first answer breaks off in the middle.
        if (start > 0) response.end(body.subarray(start));
        else response.write(body.subarray(0, 123_457), () => setImmediate(() => response.destroy()));
      },
      async (url) => {
        const got: Uint8Array[] = [];
        let isBusy = false;
        const onPart = async (part: Uint8Array, head: FetchHead) => {
          expect([isBusy, head.status]).toEqual([false, 206]);
          isBusy = true;
          await new Promise((resolve) => setImmediate(resolve));
          isBusy = false;
          got.push(part);
        };
        const from = (start: number) =>
          ask(url, { headers: { range: `bytes=${start}-` }, maxBytes: body.length, onPart });
        await expect(from(0)).rejects.toMatchObject({ code: 'UNREACHABLE' });
        const arrived = Buffer.concat(got).byteLength;
        expect(arrived).toBe(123_457);
        expect((await from(arrived)).body.byteLength).toBe(0);
        expect(Buffer.concat(got).equals(body)).toBe(true);
      },
    );
  });

  it('gives up on silence in the middle of parts, not on a reader that takes its time, and when it is told to', async () => {
    await withServer(
      (_request, response) => void response.write('part'),
      async (url) => {
        const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 250));
        const started = performance.now();
        const silent = ask(url, { timeoutMs: 100, onPart: slow });
        await expect(silent).rejects.toMatchObject({ code: 'TIMEOUT' });
        expect(performance.now() - started).toBeGreaterThan(330);
        const refused = new CoveyError('DISK_FULL', 'no room');
        await expect(ask(url, { onPart: () => Promise.reject(refused) })).rejects.toBe(refused);
        const abort = new AbortController();
        const cancelled = ask(url, { signal: abort.signal, onPart: async () => abort.abort() });
        await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
        await expect(ask(url, { signal: abort.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
      },
    );
  });

  it('sends nothing to a server that nobody verified', async () => {
    const post = { method: 'POST', body: Buffer.from('secret'), tls: { insecureReadOfCa: true } };
    await expect(ask('https://127.0.0.1:1/', post)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
