import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { webFetch } from './web-fetch.ts';

let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    if (request.url === '/never') return;
    response.writeHead(request.method === 'PUT' ? 201 : 200, { 'x-seen': request.headers['x-asked'] ?? '' });
    response.end(Buffer.concat([Buffer.from('got '), ...body]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const plain = { method: 'GET', timeoutMs: 5_000, maxBytes: 100 } as const;

test('sends what it is given and gives status, headers and body', async () => {
  const body = new TextEncoder().encode('this');
  const answer = await webFetch({ ...plain, method: 'PUT', url, headers: { 'x-asked': 'yes' }, body });
  expect(answer).toMatchObject({ status: 201, headers: { 'x-seen': 'yes' } });
  expect(new TextDecoder().decode(answer.body)).toBe('got this');
});

test('errors have codes', async () => {
  const codeOf = (asked: Partial<Parameters<typeof webFetch>[0]>) =>
    webFetch({ ...plain, url, ...asked }).catch(({ code }) => code as string);
  expect(await codeOf({ maxBytes: 3 })).toBe('PAYLOAD_TOO_LARGE');
  expect(await codeOf({ url: `${url}/never`, timeoutMs: 100 })).toBe('TIMEOUT');
  expect(await codeOf({ url: 'http://127.0.0.1:1' })).toBe('UNREACHABLE');
  expect(await codeOf({ tls: { ca: '' } })).toBe('UNSUPPORTED');
});
