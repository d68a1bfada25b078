import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { nodeFetch } from './fetch.ts';

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

  it('sends nothing to a server that nobody verified', async () => {
    const post = { method: 'POST', body: Buffer.from('secret'), tls: { insecureReadOfCa: true } };
    await expect(ask('https://127.0.0.1:1/', post)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
