import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { CoveyError } from '@covey/protocol';
import type { FastifyRequest } from 'fastify';
import type { Identity } from '../identity/index.ts';

/** Devices and their connections to an HTTP listener. */
export interface Peers {
  /** Errors: UNAUTHENTICATED without a certificate. */
  certificateOf(request: FastifyRequest): X509Certificate;
  /** Refuses a request whose certificate is not good, and remembers whose connection it came on. Errors: as `Identity.check`. */
  check(request: FastifyRequest): Promise<Awaited<ReturnType<Identity['check']>>>;
  /** Ends the device's connections, also in the middle of an answer. */
  disconnect(device: string): void;
}

/** A device has one or two connections. Of more, the oldest are taken to be broken: what one may hold in memory is bounded. */
const mostConnections = 16;

export function createPeers(identity: Pick<Identity, 'check'>): Peers {
  const connections = new Map<string, Set<TLSSocket>>();
  const remember = (device: string, socket: TLSSocket) => {
    const known = connections.get(device) ?? new Set();
    if (known.has(socket)) return;
    for (const oldest of known) {
      if (known.size < mostConnections) break;
      known.delete(oldest);
      oldest.destroy();
    }
    connections.set(device, known.add(socket));
    socket.once('close', () => {
      known.delete(socket);
      if (known.size === 0 && connections.get(device) === known) connections.delete(device);
    });
  };
  const certificateOf = ({ raw }: FastifyRequest) => {
    const certificate = (raw.socket as TLSSocket).getPeerX509Certificate();
    if (!certificate) throw new CoveyError('UNAUTHENTICATED', 'the connection shows no certificate');
    return certificate;
  };
  return {
    certificateOf,
    check: async (request) => {
      const certificate = certificateOf(request);
      const { device } = await identity.check(certificate);
      remember(device, request.raw.socket as TLSSocket);
      // A device that was refused between the check and here had no connection to be ended.
      return identity.check(certificate);
    },
    disconnect: (device) => {
      for (const socket of connections.get(device) ?? []) socket.destroy();
    },
  };
}
