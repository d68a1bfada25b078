import type { AddressInfo } from 'node:net';
import { CoveyError, toCoveyError } from '@covey/protocol';
import type { FastifyInstance } from 'fastify';

/** What of a server this room's listeners need; routes and type providers differ. */
export type Listener = Pick<FastifyInstance, 'server' | 'close'> & {
  listen(address: { host: string; port: number }): Promise<string>;
};

export interface ListenOptions {
  host: string;
  port: number;
  purpose: string;
  /** Connections held at a time. */
  maxConnections: number;
}

/** Starts listening; port 0 takes any free one. Errors: PORT_IN_USE, naming the port and what it was for. */
export async function listen(
  server: Listener,
  { host, port, purpose, maxConnections }: ListenOptions,
): Promise<number> {
  server.server.maxConnections = maxConnections;
  try {
    await server.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new CoveyError('PORT_IN_USE', `port ${port} on ${host}, wanted for the ${purpose}, is in use`, {
        cause: error,
      });
    throw toCoveyError(error);
  }
  return (server.server.address() as AddressInfo).port;
}
