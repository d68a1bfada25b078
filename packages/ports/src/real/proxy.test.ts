import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpProxy, isProxied, tunnel } from './proxy.ts';

describe('which hosts go through the proxy', () => {
  it.each([
    ['covey.example.com', [], true],
    ['covey.example.com', ['example.com'], false],
    ['covey.example.com', ['.example.com'], false],
    ['covey.example.com', ['*.EXAMPLE.com'], false],
    ['notexample.com', ['example.com'], true],
    ['10.1.2.3', ['10.1.2.3'], false],
    ['[::1]', ['::1'], false],
    ['anything', ['*'], false],
    ['anything', ['', ' '], true],
  ])('%s with the exceptions %j: %s', (host, bypass, expected) => {
    expect(isProxied({ url: 'http://proxy:3128', bypass }, host)).toBe(expected);
  });
});

describe('a connection through a proxy', () => {
  let proxy: Server;
  let echo: TcpServer;
  let asked: { target: string | undefined; authorization: string | undefined }[];
  /** What the proxy answers in place of connecting. */
  let refuses: number | undefined;
  beforeEach(async () => {
    asked = [];
    refuses = undefined;
    echo = createTcpServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    proxy = createServer().listen(0, '127.0.0.1');
    await Promise.all([once(echo, 'listening'), once(proxy, 'listening')]);
    proxy.on('connect', (request, socket) => {
      asked.push({ target: request.url, authorization: request.headers['proxy-authorization'] });
      socket.on('error', () => {});
      if (refuses !== undefined) return socket.end(`HTTP/1.1 ${refuses} No\r\n\r\n`);
      const onward = connect((echo.address() as AddressInfo).port, '127.0.0.1', () => {
        // With the first bytes of the other side in the same packet.
        socket.write('HTTP/1.1 200 Connected\r\n\r\nhello');
        socket.pipe(onward).pipe(socket);
      });
      return onward;
    });
  });
  afterEach(() => {
    proxy.closeAllConnections();
    proxy.close();
    echo.close();
  });
  const at = (change: Partial<HttpProxy> = {}): HttpProxy => ({
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    bypass: [],
    ...change,
  });
  const open = (change?: Partial<HttpProxy>, timeoutMs = 5_000) =>
    tunnel(at(change), 'covey.example', 8883, AbortSignal.timeout(timeoutMs));

  it('carries bytes both ways, from the first on', async () => {
    const socket = await open({ credentials: { user: 'site', password: 'p:w' } });
    socket.write(' world');
    let heard = '';
    for await (const chunk of socket) {
      heard += chunk;
      if (heard === 'hello world') break;
    }
    expect(heard).toBe('hello world');
    const authorization = `Basic ${Buffer.from('site:p:w').toString('base64')}`;
    expect(asked).toEqual([{ target: 'covey.example:8883', authorization }]);
  });

  it('is refused in words that name what to do, and never the password', async () => {
    refuses = 407;
    await expect(open()).rejects.toMatchObject({
      code: 'PROXY_REFUSED',
      message: expect.stringContaining('wants a user name'),
    });
    const wrong = open({ credentials: { user: 'site', password: 'secret' } });
    await expect(wrong).rejects.toMatchObject({ code: 'PROXY_REFUSED' });
    await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
    refuses = 403;
    await expect(open()).rejects.toMatchObject({ message: expect.stringContaining('covey.example:8883') });
  });

  it('says when there is no proxy, or one that says nothing', async () => {
    await expect(open({ url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'PROXY_UNREACHABLE' });
    proxy.removeAllListeners('connect').on('connect', () => {});
    await expect(open({}, 50)).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
