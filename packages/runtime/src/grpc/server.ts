import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { CoveyError, limits, toCoveyError } from '@covey/protocol';
import { type Callers, type Certificate, openCallers, shareConnections } from '../gateway/index.ts';
import { Call, refuseCall } from './call.ts';
import { createMessageMemory, type MessageMemory } from './memory.ts';
import { metadataOf } from './metadata.ts';
import type { Method } from './method.ts';

export interface GrpcServer {
  url: string;
  port: number;
  /** Answers what is being read or computed, for at most `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>;
}

export interface GrpcAddress {
  host: string;
  port: number;
  /** Another address goes by the same port: see freePort. */
  reusePort?: boolean;
  /** Who may call; anybody, where it is left out. */
  callers?: Callers;
  /** For TLS. */
  certificate?: Certificate;
}

/** Methods by path, as in `/package.Service/Method`. */
export type Methods = Readonly<Record<string, Method>>;

type AnyServer = Http2Server | Http2SecureServer;

interface Answering {
  methods: Methods;
  memory: MessageMemory;
  callers: Callers;
  /** Those that are open. */
  calls: Set<Call>;
  stallMs: number;
}

const maxConnections = 512;
/** A connection without anything on it. */
const idleMs = 10 * 60_000;
/** Calls at a time on a connection; a client waits with more. */
const callsPerConnection = 256;
/** What may arrive on a connection before it has been read: of one call, and of all together. */
const callWindowBytes = 1024 * 1024;
const connectionWindowBytes = 4 * 1024 * 1024;

/** Listens for calls. Errors: PORT_IN_USE, or INTERNAL when the address cannot be listened on. */
export async function serveMethods(
  methods: Methods,
  { stallMs, callers = openCallers, ...address }: GrpcAddress & { stallMs: number },
): Promise<GrpcServer> {
  const answering: Answering = {
    methods,
    memory: createMessageMemory(),
    callers,
    calls: new Set(),
    stallMs,
  };
  const sessions = new Set<ServerHttp2Session>();
  const server = create(address.certificate, {
    settings: { maxConcurrentStreams: callsPerConnection, initialWindowSize: callWindowBytes },
    // Answers that wait for a slow client count too; they are bounded by `memory`.
    maxSessionMemory: (4 * limits.inferenceBodyBytes) / (1024 * 1024),
  });
  server.maxConnections = maxConnections;
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(connectionWindowBytes);
    session.setTimeout(idleMs, () => session.close());
    session.on('error', ignoreClient);
    session.on('close', () => sessions.delete(session));
  });
  server.on('sessionError', ignoreClient);
  server.on('stream', (stream: ServerHttp2Stream, headers) => answerCall(answering, stream, headers));
  await listen(server, address);
  const listening = (server.address() as AddressInfo).port;
  return {
    url: urlOf(address, listening),
    port: listening,
    close: (graceMs) => {
      for (const call of answering.calls) call.stop();
      return close(server, sessions, graceMs);
    },
  };
}

function answerCall(
  { methods, memory, callers, calls, stallMs }: Answering,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): void {
  stream.on('error', ignoreClient);
  const path = headers[':path'] ?? '';
  if (headers[':method'] !== 'POST' || !headers['content-type']?.startsWith('application/grpc')) {
    stream.respond({ ':status': 415 }, { endStream: true });
    stream.resume();
    return;
  }
  try {
    const caller = callers.identify(headers.authorization, stream.session?.socket.remoteAddress);
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (method === undefined)
      throw new CoveyError('UNSUPPORTED', `the method ${path.slice(0, 200)} is not served`);
    const call = new Call(
      stream,
      { metadata: metadataOf(headers, performance.now()), caller },
      memory,
      stallMs,
    );
    calls.add(call);
    stream.on('close', () => calls.delete(call));
    method(call);
  } catch (error) {
    refuseCall(stream, toCoveyError(error));
  }
}

/** A client's connection that broke, or never spoke HTTP/2: its own business. */
function ignoreClient(): void {}

function create(certificate: Certificate | undefined, options: ServerOptions): AnyServer {
  if (certificate === undefined) return createServer(options);
  const server = createSecureServer({ ...options, ...certificate.tls() });
  certificate.follow(server);
  shareConnections(server, maxConnections);
  return server;
}

function urlOf({ host, certificate }: GrpcAddress, port: number): string {
  return `${certificate ? 'grpcs' : 'grpc'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function listen(server: AnyServer, { host, port, reusePort = false }: GrpcAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const error =
        cause.code === 'EADDRINUSE'
          ? new CoveyError('PORT_IN_USE', `port ${port} on ${host}, for gRPC, is in use`, { cause })
          : toCoveyError(cause);
      reject(error);
    });
    server.listen({ host, port, reusePort, backlog: maxConnections }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

async function close(
  server: AnyServer,
  sessions: ReadonlySet<ServerHttp2Session>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.close();
  const late = setTimeout(() => {
    for (const session of sessions) session.destroy();
  }, graceMs);
  await closed;
  clearTimeout(late);
}
