import {
  createServer,
  type IncomingMessage,
  maxHeaderSize,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { CoveyError, type ErrorCode, toCoveyError } from '@covey/protocol';
import type { Engine } from '../engine/index.ts';
import {
  type Callers,
  type Certificate,
  openCallers,
  type Pages,
  shareConnections,
} from '../gateway/index.ts';
import { createAddresses } from './address.ts';
import { emptyAnswer, errorAnswer, write } from './answer.ts';
import { createBodyReader } from './body.ts';
import { answerEncoding, compressed } from './compression.ts';
import { type AnswerOptions, type AnswersHeld, createInferenceHandler } from './infer.ts';
import { listenOnPath, listenOnPort } from './listen.ts';
import { targetOf } from './path.ts';
import type { HttpProtocol } from './protocol.ts';

/** Inference over HTTP, on any number of addresses. */
export interface HttpService {
  /** Port 0 takes a free one. Errors: PORT_IN_USE, or INTERNAL when the address cannot be listened on. */
  listen(address: HttpAddress): Promise<{ url: string; port: number }>;
  /** On a Unix socket, which only its owner may use. Errors: PORT_IN_USE when somebody answers there, INVALID_ARGUMENT. */
  listenOnPath(path: string, callers?: Callers): Promise<void>;
  /** Answers what is being read or computed, for at most `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>;
}

export interface HttpAddress {
  host: string;
  port: number;
  /** Another address goes by the same port: see freePort. */
  reusePort?: boolean;
  /** Who may call; anybody, where it is left out. */
  callers?: Callers;
  /** Which pages may call; left out where none gets to: behind TLS and tokens, which a browser does not add by itself. */
  pages?: Pages;
  /** For TLS. */
  certificate?: Certificate;
}

/** Slow and idle clients are bounded; times in milliseconds. */
export interface ConnectionLimits {
  headersTimeout: number;
  /** For the whole of a request to arrive. */
  requestTimeout: number;
  keepAliveTimeout: number;
  connectionsCheckingInterval: number;
  maxConnections: number;
  /** Without a byte of a body arriving, or of an answer being taken, for so long, the connection is given up. */
  stallMs: number;
  /** For an answer to be taken. */
  answerTimeout: number;
}

const connectionLimits: ConnectionLimits = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxConnections: 512,
  stallMs: 20_000,
  answerTimeout: 60_000,
};

/** `protocols` are asked in their order; the first has the last word on what nobody serves. */
export function createHttpService(
  engine: Engine,
  protocols: readonly [HttpProtocol, ...HttpProtocol[]],
  limits: ConnectionLimits = connectionLimits,
): HttpService {
  const computing = new Set<Socket>();
  const answerRequest = requestHandler(engine, protocols, { computing, answerTimeout: limits.answerTimeout });
  const servers: AnyServer[] = [];
  const create = async (
    callers: Callers,
    { pages, certificate }: { pages?: Pages | undefined; certificate?: Certificate | undefined },
  ) => {
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      response.once('close', () => {
        // While the server closes: a connection kept after its last answer would hold up the end.
        if (!server.listening) server.closeIdleConnections();
      });
      void answerRequest(request, response, callers, pages);
    };
    // Who names no Host is refused with a code, which node:http does not give.
    const options = { ...limits, requireHostHeader: false };
    const server = certificate
      ? await secureServer(certificate, options, answer)
      : createServer(options, answer);
    server.maxConnections = limits.maxConnections;
    server.setTimeout(limits.stallMs, (socket) => {
      // The answer sets the timer again.
      if (!computing.has(socket)) giveUp(socket);
    });
    server.on('clientError', answerClientError);
    server.on('checkExpectation', (_request, response) => answerExpectation(protocols[0], response));
    return server;
  };
  return {
    listen: async ({ host, port, reusePort = false, callers = openCallers, pages, certificate }) => {
      const server = await create(callers, { pages, certificate });
      const address = { host, port, reusePort, backlog: limits.maxConnections };
      const listened = await listenOnPort(server, address, certificate ? 'https' : 'http');
      servers.push(server);
      return listened;
    },
    listenOnPath: async (path, callers = openCallers) => {
      const server = await create(callers, {});
      await listenOnPath(server, path);
      servers.push(server);
    },
    close: async (graceMs) => {
      await Promise.all(servers.map((server) => close(server, graceMs)));
    },
  };
}

type AnyServer = Server | SecureServer;

/** Other machines are behind it: one of them shall not take all connections. */
async function secureServer(
  certificate: Certificate,
  limits: ConnectionLimits,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<SecureServer> {
  // Loaded when it is asked for, since it costs memory.
  const { createServer: createSecureServer } = await import('node:https');
  const server = createSecureServer({ ...limits, ...certificate.tls() }, answer);
  certificate.follow(server);
  shareConnections(server, limits.maxConnections);
  return server;
}

type AnswerRequest = (
  request: IncomingMessage,
  response: ServerResponse,
  callers: Callers,
  pages: Pages | undefined,
) => Promise<void>;

function requestHandler(
  engine: Engine,
  protocols: readonly [HttpProtocol, ...HttpProtocol[]],
  options: AnswerOptions,
): AnswerRequest {
  const bodies = createBodyReader();
  const held: AnswersHeld = { bytes: 0 };
  const infer = createInferenceHandler(engine, bodies, held, options);
  const addressOf = createAddresses(protocols);
  return async (request, response, callers, pages) => {
    let protocol = protocols[0];
    try {
      const { resource, host } = targetOf(request);
      const address = addressOf(resource);
      protocol = address.owner ?? protocol;
      const forPage = pages?.admit(request.headers, host) ?? {};
      for (const [name, value] of Object.entries(forPage)) response.setHeader(name, value);
      if (request.method === 'OPTIONS' && 'access-control-allow-origin' in forPage) {
        write(response, emptyAnswer(204));
        return;
      }
      const caller = callers.identify(request.headers.authorization, request.socket.remoteAddress);
      response.once('close', caller.admit());
      // A HEAD is a GET whose answer's body node:http leaves out.
      const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
      const handling = address.handling(method);
      if (handling === undefined) {
        throw new CoveyError('NOT_FOUND', `nothing is served at /${address.path.join('/').slice(0, 200)}`);
      }
      caller.check(handling.kind === 'infer' ? { model: handling.model } : handling.reach);
      if (handling.kind === 'infer') {
        await infer(handling, caller, request, response);
        return;
      }
      const answer =
        handling.kind === 'query'
          ? handling.answer(engine)
          : await bodies.withBody(request, undefined, caller.bodies, ({ json }) =>
              handling.answer(engine, json),
            );
      const encoding = answerEncoding(request);
      write(response, encoding === undefined ? answer : await compressed(answer, encoding));
    } catch (error) {
      write(response, protocol.errorAnswer(toCoveyError(error)));
    }
  };
}

/** No byte moved for too long, either way. */
function giveUp(socket: Socket): void {
  // Half an answer, or an idle connection past its time: there is nothing to say.
  if (socket.writableLength > 0 || socket.bytesWritten > 0) socket.destroy();
  else answerClientError(Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
}

/** What node:http refuses before a request exists: malformed, too slow, too large a header. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // Who has not come through the handshake of TLS hears nothing.
  if (!socket.writable || error.code === 'ECONNRESET' || /^ERR_(?:SSL|TLS)_/.test(error.code ?? '')) {
    socket.destroy();
    return;
  }
  const [status, code, message] = clientErrors[error.code ?? ''] ?? notHttp;
  const { headers, body } = errorAnswer(new CoveyError(code, message), { error: message });
  const lines = Object.entries({ ...headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body.join('')}`);
}

type ClientError = [status: string, code: ErrorCode, message: string];
const notHttp: ClientError = ['400 Bad Request', 'WIRE_MALFORMED', 'this is not an HTTP request'];
const headersTooLarge = `the headers are too large or too many: they may take ${maxHeaderSize} bytes`;
const clientErrors: Partial<Record<string, ClientError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'TIMEOUT', 'the request took too long to arrive'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'PAYLOAD_TOO_LARGE', headersTooLarge],
};

/** Any `Expect` but 100-continue, which node:http sees to. Whether the body comes nobody knows, so the connection ends. */
function answerExpectation(protocol: HttpProtocol, response: ServerResponse): void {
  const { headers, body } = protocol.errorAnswer(
    new CoveyError('UNSUPPORTED', 'of what Expect may hold, only 100-continue is served'),
  );
  write(response, { status: 417, headers: { ...headers, connection: 'close' }, body });
}

async function close(server: AnyServer, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(late);
}
