import { EventEmitter } from 'node:events';
import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { createPeers } from './peers.ts';

/** As much of a connection as is looked at. */
class Connection extends EventEmitter {
  isEnded = false;
  getPeerX509Certificate = () => ({ subject: 'a device' });
  destroy(): void {
    this.isEnded = true;
    this.emit('close');
  }
}

test('of many connections of one device the oldest end; those of another do not', async () => {
  let device = 'edge-2';
  const peers = createPeers({ check: async () => ({ device }) as never });
  const connect = async () => {
    const socket = new Connection();
    await peers.check({ raw: { socket } } as unknown as FastifyRequest);
    return socket;
  };
  const other = await connect();
  device = 'edge-1';
  const sockets: Connection[] = [];
  for (let at = 0; at < 20; at++) sockets.push(await connect());
  expect(sockets.map(({ isEnded }) => isEnded)).toEqual([...Array(4).fill(true), ...Array(16).fill(false)]);
  expect(other.isEnded).toBe(false);
  peers.disconnect('edge-1');
  expect(sockets.every(({ isEnded }) => isEnded)).toBe(true);
});
