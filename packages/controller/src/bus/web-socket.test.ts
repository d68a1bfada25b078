import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { webSocketUpgrade } from './web-socket.ts';

const server = createServer();
afterEach(() => server.close());

/** What a server answers to a request for WebSocket and to bytes that are no frame after it. */
async function answerTo(protocol: string | null): Promise<string> {
  const accepted: string[] = [];
  const upgrade = webSocketUpgrade((stream) =>
    stream.on('error', (error) => accepted.push(error.message)).resume(),
  );
  server.removeAllListeners('upgrade').on('upgrade', upgrade as never);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const lines = ['GET /mqtt HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: Upgrade'];
  lines.push('Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');
  if (protocol !== null) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.on('error', () => {}).write(Buffer.alloc(10, 0xff));
  await once(socket, 'close');
  return answer.toString().split('\r\n')[0] ?? '';
}

it.each([null, 'chat', 'mqttv3.1, chat'])(
  'gives no WebSocket to who offers the protocol %s',
  async (protocol) => {
    expect(await answerTo(protocol)).toBe('HTTP/1.1 400 Bad Request');
  },
);

it.each(['mqtt', 'chat, mqtt'])(
  'ends alone the connection that sends no frames over %s',
  async (protocol) => {
    expect(await answerTo(protocol)).toBe('HTTP/1.1 101 Switching Protocols');
  },
);
