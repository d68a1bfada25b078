import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { CoveyError, toCoveyError } from '@covey/protocol';

/** Of the connections a server takes, those of one address: one machine shall not take them all. */
const shareOfAddress = 1 / 4;

/**
 * A port that is free on both hosts. They listen on it with `reusePort` afterwards: only so a wildcard address and loopback go
 * side by side, loopback first; but then nobody would be told that the port is in use. Errors: PORT_IN_USE.
 */
export async function freePort(hosts: readonly string[], port: number): Promise<number> {
  let free = port;
  for (const host of hosts) free = await tryPort(host, free);
  return free;
}

function tryPort(host: string, port: number): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = new CoveyError('PORT_IN_USE', `port ${port} on ${host} is in use`, { cause });
      const wrong = new CoveyError('INVALID_ARGUMENT', `${host} cannot be listened on: ${cause.message}`, {
        cause,
      });
      const codes: Record<string, CoveyError> = { EADDRINUSE: inUse, EADDRNOTAVAIL: wrong, ENOTFOUND: wrong };
      reject(codes[cause.code ?? ''] ?? toCoveyError(cause));
    });
    server.listen({ host, port }, () => {
      const { port: found } = server.address() as AddressInfo;
      server.close(() => resolve(found));
    });
  });
}

/** Ends connections of an address that has its share already. `mostConnections`: of the server. */
export function shareConnections(server: Server, mostConnections: number): void {
  const most = Math.max(1, Math.floor(mostConnections * shareOfAddress));
  const counts = new Map<string, number>();
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? '';
    const count = counts.get(address) ?? 0;
    if (count >= most) {
      socket.destroy();
      return;
    }
    counts.set(address, count + 1);
    socket.once('close', () => {
      const left = (counts.get(address) ?? 1) - 1;
      if (left > 0) counts.set(address, left);
      else counts.delete(address);
    });
  });
}
