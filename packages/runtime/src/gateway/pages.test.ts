import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { CoveyError } from '@covey/protocol';
import { expect, test } from 'vitest';
import { client } from '../client.fixture.ts';
import { countingModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { createPages } from './pages.ts';

const panel = 'https://panel.example:3000';
const pages = createPages('127.0.0.1', [panel]);

function outcome(headers: Record<string, string>) {
  try {
    return pages.admit(headers, headers.host)['access-control-allow-origin'] ?? 'admitted';
  } catch (error) {
    return error instanceof CoveyError ? error.code : String(error);
  }
}

test('programs, own pages and allowed ones are admitted', () => {
  for (const host of [
    '127.0.0.1:8000',
    'localhost:8000',
    'LOCALHOST',
    '[::1]:8000',
    'a.localhost:1',
    '127.9.9.9',
  ]) {
    expect(outcome({ host })).toBe('admitted');
    expect(outcome({ host, 'sec-fetch-site': 'none' })).toBe('admitted');
  }
  const own = { host: 'localhost:8000', origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' };
  expect(outcome(own)).toBe('admitted');
  // HTTP/1.0 knows no Host.
  expect(outcome({})).toBe('admitted');
  expect(outcome({ host: 'localhost:8000', origin: panel, 'sec-fetch-site': 'cross-site' })).toBe(panel);
  // A proxy on this machine in front of the panel passes its name on.
  expect(outcome({ host: 'panel.example' })).toBe('admitted');
});

test('pages of others, and names that are made to point here, are refused', () => {
  const host = 'localhost:8000';
  for (const headers of [
    { host, origin: 'https://evil.example' },
    { host, origin: 'null' },
    { host, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
    // Another port, another name, another scheme than the allowed one.
    ...['https://panel.example', 'https://x.panel.example:3000', 'http://panel.example:3000'].map(
      (origin) => ({
        host,
        origin,
      }),
    ),
    { host, 'sec-fetch-site': 'cross-site' },
    { host, 'sec-fetch-site': 'same-site' },
    { host: 'evil.example:8000', origin: 'http://evil.example:8000', 'sec-fetch-site': 'same-origin' },
    { host: '127.0.0.1.evil.example' },
    { host: '127.evil.example' },
    { host: 'localhost.evil.example' },
    { host: '0.0.0.0:8000' },
    { host: '' },
  ]) {
    expect([headers, outcome(headers)]).toEqual([headers, 'FORBIDDEN']);
  }
});

test('programs on this machine change nothing of what a release serves, unless the tokens file lets them', async () => {
  const server = await serverWith({ count: [countingModel(), schemaOf('INT64', [])] });
  try {
    for (const action of ['load', 'unload']) {
      const reply = await server.http.post(`/v2/repository/models/count/${action}`, {});
      expect(reply).toMatchObject({ status: 403, headers: { 'x-covey-error-code': 'FORBIDDEN' } });
    }
    expect(await server.http.get('/v2/models/count/ready')).toMatchObject({ status: 200 });
  } finally {
    await server.close();
  }
});

test('no page of another origin reaches any address of the server; an allowed one reads its answers', async () => {
  const server = await serverWith({ count: [countingModel(), schemaOf('INT64', [])] }, { origins: [panel] });
  const http = client(server.url);
  const infer = { inputs: [{ name: 'x', datatype: 'INT64', shape: [], data: [1] }] };
  try {
    for (const [method, path] of [
      ['GET', '/v2'],
      ['GET', '/metrics'],
      ['POST', '/v2/models/count/infer'],
      ['POST', '/v2/repository/models/count/unload'],
      ['POST', '/v2/models/count/profile'],
      ['POST', '/v1/models/count:predict'],
      ['POST', '/predictions/count'],
      ['OPTIONS', '/v2/models/count/infer'],
    ] as const) {
      for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }]) {
        const reply = await http.send(method, path, method === 'POST' ? infer : undefined, headers);
        expect(reply).toMatchObject({ status: 403, headers: { 'x-covey-error-code': 'FORBIDDEN' } });
        expect(reply.headers['access-control-allow-origin']).toBeUndefined();
      }
    }
    const preflight = { origin: panel, 'access-control-request-method': 'POST' };
    expect(await http.send('OPTIONS', '/v2/models/count/infer', undefined, preflight)).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': panel, 'access-control-allow-methods': 'GET, POST' },
    });
    for (const [body, status] of [
      [infer, 200],
      ['{', 400],
    ] as const) {
      const reply = await http.post('/v2/models/count/infer', body, { origin: panel });
      expect(reply).toMatchObject({
        status,
        headers: { 'access-control-allow-origin': panel, vary: 'origin' },
      });
    }
  } finally {
    http.close();
    await server.close();
  }
});

test('an address in full is answered as its path, and its name counts instead of the Host header', async () => {
  const server = await serverWith({ count: [countingModel(), schemaOf('INT64', [])] });
  const { port, hostname } = new URL(server.url);
  const answerTo = (target: string, ...hosts: string[]) => {
    const lines = [`GET ${target} HTTP/1.1`, ...hosts.map((host) => `hOst: ${host}`), 'connection: close'];
    return text(connect(Number(port), hostname).end(`${lines.join('\r\n')}\r\n\r\n`));
  };
  const ready = '/v2/models/count/ready?a=http://evil.example/';
  try {
    expect(await answerTo(`HTTP://LOCALHOST:8000${ready}`, 'localhost')).toMatch(/^HTTP\/1.1 200 /);
    expect(await answerTo(`http://localhost${ready}`, 'evil.example')).toMatch(/^HTTP\/1.1 200 /);
    expect(await answerTo(ready, 'localhost')).toMatch(/^HTTP\/1.1 200 /);
    expect(await answerTo(`http://evil.example${ready}`, 'localhost')).toMatch(/^HTTP\/1.1 403 .*FORBIDDEN/s);
    expect(await answerTo('http://localhost', 'localhost')).toMatch(/^HTTP\/1.1 404 /);
    const twice = await answerTo(ready, 'localhost', 'evil.example');
    expect(twice).toMatch(/^HTTP\/1.1 400 .*INVALID_DOCUMENT/s);
  } finally {
    await server.close();
  }
});
