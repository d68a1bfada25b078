import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Log } from '@covey/ports';
import { CoveyError, limits, toCoveyError } from '@covey/protocol';
import { type Identity, isIssuedHere } from '../identity/index.ts';
import { type Broker, openBroker } from './broker.ts';
import type { Bus, MessageHandler, Refusal } from './bus.ts';
import { guardPackets } from './packet-guard.ts';
import type { Peer } from './sessions.ts';
import { type Upgrade, webSocketUpgrade } from './web-socket.ts';

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

export interface EmbeddedBus extends Bus {
  /** From the next connection on. */
  changeTls(tls: EmbeddedBusOptions['tls']): void;
  /** MQTT over WebSocket, for an HTTPS listener that asks for certificates as this one does. */
  upgrade: Upgrade;
}

/** A broker in this process (aedes) behind mutual TLS and our guard, on a port of its own and on those that hand over to it. */
export function embeddedBus(options: EmbeddedBusOptions): EmbeddedBus {
  let handler: MessageHandler | undefined;
  let running: Promise<{ broker: Broker; server: Server; sockets: Set<TLSSocket> }> | undefined;
  let opened: { broker: Broker; server: Server } | undefined;
  const open = async () => {
    if (!handler) throw new CoveyError('INTERNAL', 'the bus has no message handler');
    const bounds = { ...defaultLimits, ...options.limits };
    const { identity, onRefusal, log } = options;
    const check = (certificate: X509Certificate) => identity.check(certificate);
    const broker = await openBroker({ check, onRefusal, log, handler, ...bounds });
    const sockets = new Set<TLSSocket>();
    const server = listener(options, bounds, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      accept(socket, socket, broker, options);
    });
    try {
      await listen(server, options);
    } catch (error) {
      await broker.close();
      throw error;
    }
    opened = { broker, server };
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
    publish: async (device, kind, payload) => opened?.broker.publish(device, kind, payload),
    isConnected: (device) => opened?.broker.isConnected(device) ?? false,
    disconnect: (device) => opened?.broker.disconnect(device),
    changeTls: (tls) => opened?.server.setSecureContext(contextOf(tls)),
    upgrade: webSocketUpgrade((stream, socket) => {
      if (opened) accept(stream, socket, opened.broker, options);
      else socket.destroy();
    }),
  };
}

function contextOf({ ca, certificate, key }: EmbeddedBusOptions['tls']) {
  return { ca, cert: certificate, key, minVersion: 'TLSv1.2' as const, allowPartialTrustChain: true };
}

function listener(
  { tls, onRefusal }: EmbeddedBusOptions,
  bounds: BusLimits,
  onSocket: (socket: TLSSocket) => void,
): Server {
  const server = createServer(
    {
      ...contextOf(tls),
      requestCert: true,
      // An expired certificate is told so by CONNACK, and named in the audit log.
      rejectUnauthorized: false,
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

/** `stream` carries MQTT and is the TLS connection `socket`, or a WebSocket on it. */
function accept(
  stream: Duplex,
  socket: TLSSocket,
  broker: Broker,
  { identity, onRefusal }: EmbeddedBusOptions,
): void {
  const address = socket.remoteAddress ?? 'unknown';
  try {
    broker.attach(guardPackets(stream, limits.mqttPacketBytes), peerOf(socket, address, identity));
  } catch (error) {
    onRefusal({ device: null, address, reason: 'handshake', detail: toCoveyError(error).message });
    socket.destroy();
  }
}

function peerOf(socket: TLSSocket, address: string, identity: Pick<Identity, 'deviceOf'>): Peer {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate || !isIssuedHere(socket))
    throw new CoveyError('UNAUTHENTICATED', `no certificate of ours (${socket.authorizationError})`);
  return { device: identity.deviceOf(certificate), certificate, address };
}
