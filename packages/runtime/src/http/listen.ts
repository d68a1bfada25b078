import { chmod, lstat, unlink } from 'node:fs/promises';
import { type AddressInfo, connect, type Server } from 'node:net';
import { CoveyError, toCoveyError } from '@covey/protocol';

/** What fits a Unix socket's address on Linux (sun_path, without its last zero). */
const socketPathBytes = 107;

export async function listenOnPort(
  server: Server,
  address: { host: string; port: number; backlog: number; reusePort: boolean },
  scheme: 'http' | 'https',
): Promise<{ url: string; port: number }> {
  const { host } = address;
  await listen(server, address, `port ${address.port} on ${host} is in use`);
  const { port } = server.address() as AddressInfo;
  return { url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`, port };
}

/** A socket file that nobody answers on, left by a process that died, is replaced. */
export async function listenOnPath(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > socketPathBytes) {
    const message = `the socket path ${path} is longer than ${socketPathBytes} bytes: choose a shorter folder`;
    throw new CoveyError('INVALID_ARGUMENT', message);
  }
  await removeStale(path);
  await listen(server, { path }, `the socket ${path} is in use`);
  await chmod(path, 0o600);
}

function listen(
  server: Server,
  address: { host: string; port: number; backlog: number; reusePort: boolean } | { path: string },
  inUse: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'EADDRINUSE' ? new CoveyError('PORT_IN_USE', inUse, { cause }) : toCoveyError(cause),
      );
    });
    server.listen(address, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw toCoveyError(error);
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new CoveyError('INVALID_ARGUMENT', `${path} is no socket: it is left as it is`);
  }
  if (await isAnswered(path)) throw new CoveyError('PORT_IN_USE', `the socket ${path} is in use`);
  await unlink(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => settle(true));
    // A socket that may not be used by us, or is full, has somebody behind it.
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED'));
  });
}
