import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Log } from '@covey/ports';
import { CoveyError, limits, toCoveyError } from '@covey/protocol';
import type { Identity } from '../identity/index.ts';
import { type Broker, openBroker } from './broker.ts';
import type { Bus, MessageHandler, Refusal } from './bus.ts';
import { guardPackets } from './packet-guard.ts';
import type { Peer } from './sessions.ts';

export interface EmbeddedBusOptions {
  host: string;
  /** 0 for any free port. */
  port: number;
  /** PEM texts: the CA that signs devices, the server's certificate and key. */
  tls: { ca: string; certificate: string; key: string };
  /** Who a certificate names and whether it is good. */
  identity: Pick<Identity, 'deviceOf' | 'check'>;
  /** Called for everything refused; to be rate-limited before it is written down. */
  onRefusal: (refusal: Refusal) => void;
  log: Log;
  limits?: Partial<BusLimits>;
}

export interface BusLimits {
  /** Open connections at a time. */
  connections: number;
  /** From accepting the connection to the end of the TLS handshake, and from there to a complete CONNECT. */
  connectTimeoutMs: number;
  /** How long a device may leave its receive buffer full. */
  drainTimeoutMs: number;
  /** Bytes waiting to be sent to one device. */
  backlogBytes: number;
  /** Longest keepalive a device may ask for; none at all is refused. */
  keepaliveSeconds: number;
}

const defaultLimits: BusLimits = {
  connections: 20_000,
  connectTimeoutMs: 10_000,
  drainTimeoutMs: 10_000,
  backlogBytes: 1024 * 1024,
  keepaliveSeconds: 300,
};

/** A broker in this process (aedes) behind mutual TLS and our guard, on one port. */
export function embeddedBus(options: EmbeddedBusOptions): Bus {
  let handler: MessageHandler | undefined;
  let running: Promise<{ broker: Broker; server: Server; sockets: Set<TLSSocket> }> | undefined;
  let opened: Broker | undefined;
  const open = async () => {
    if (!handler) throw new CoveyError('INTERNAL', 'the bus has no message handler');
    const bounds = { ...defaultLimits, ...options.limits };
    const { identity, onRefusal, log } = options;
    const check = (certificate: X509Certificate) => identity.check(certificate);
    const broker = await openBroker({ check, onRefusal, log, handler, ...bounds });
    const sockets = new Set<TLSSocket>();
    const server = listener(options, bounds, (socket) => accept(socket, sockets, broker, options));
    try {
      await listen(server, options);
    } catch (error) {
      await broker.close();
      throw error;
    }
    opened = broker;
    return { broker, server, sockets };
  };
  return {
    onMessage: (given) => {
      handler = given;
    },
    start: async () => {
      running ??= open();
      const { server } = await running;
      return { port: (server.address() as AddressInfo).port };
    },
    stop: async () => {
      const { broker, server, sockets } = (await running) ?? {};
      running = undefined;
      opened = undefined;
      if (!server) return;
      const closed = once(server, 'close');
      server.close();
      await broker?.close();
      for (const socket of sockets ?? []) socket.destroy();
      await closed;
    },
    publish: async (device, kind, payload) => opened?.publish(device, kind, payload),
    isConnected: (device) => opened?.isConnected(device) ?? false,
    disconnect: (device) => opened?.disconnect(device),
  };
}

function listener(
  { tls, onRefusal }: EmbeddedBusOptions,
  bounds: BusLimits,
  onSocket: (socket: TLSSocket) => void,
): Server {
  const server = createServer(
    {
      ca: tls.ca,
      cert: tls.certificate,
      key: tls.key,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      handshakeTimeout: bounds.connectTimeoutMs,
    },
    onSocket,
  );
  server.maxConnections = bounds.connections;
  server.on('drop', (dropped) =>
    onRefusal({
      device: null,
      address: dropped?.remoteAddress ?? 'unknown',
      reason: 'connections',
      detail: `more than ${bounds.connections} connections`,
    }),
  );
  server.on('tlsClientError', (error, socket) =>
    onRefusal({
      device: null,
      address: socket.remoteAddress ?? 'unknown',
      reason: 'handshake',
      detail: error.message,
    }),
  );
  return server;
}

async function listen(server: Server, { host, port }: EmbeddedBusOptions): Promise<void> {
  try {
    const listening = once(server, 'listening');
    server.listen(port, host);
    await listening;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw toCoveyError(error);
    throw new CoveyError('PORT_IN_USE', `MQTT port ${port} of ${host} is in use`, { cause: error });
  }
}

function accept(
  socket: TLSSocket,
  sockets: Set<TLSSocket>,
  broker: Broker,
  { identity, onRefusal }: EmbeddedBusOptions,
): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  const address = socket.remoteAddress ?? 'unknown';
  try {
    broker.attach(guardPackets(socket, limits.mqttPacketBytes), peerOf(socket, address, identity));
  } catch (error) {
    onRefusal({ device: null, address, reason: 'handshake', detail: toCoveyError(error).message });
    socket.destroy();
  }
}

function peerOf(socket: TLSSocket, address: string, identity: Pick<Identity, 'deviceOf'>): Peer {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) throw new CoveyError('UNAUTHENTICATED', 'the connection shows no certificate');
  return { device: identity.deviceOf(certificate), certificate, address };
}
