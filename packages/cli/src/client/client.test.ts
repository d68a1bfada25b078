import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { createClient } from './client.ts';

test('a controller that takes the connection and hangs is not waited for longer than 8 s, and said to hang', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const sockets: Socket[] = [];
  const frozen = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(frozen, 'listening');
  const url = `http://127.0.0.1:${(frozen.address() as AddressInfo).port}`;
  try {
    const asked = createClient({ url, token: 'token' })
      .getBytes('/devices')
      .catch((error: unknown) => error);
    await once(frozen, 'connection');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(await asked).toMatchObject({
      code: 'TIMEOUT',
      message: `the controller at ${url} did not answer within 8 s: it hangs, is stopped, or has too much to do`,
    });
  } finally {
    vi.useRealTimers();
    for (const socket of sockets) socket.destroy();
    frozen.close();
  }
});
