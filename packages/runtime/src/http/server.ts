import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { CoveyError, toCoveyError } from '@covey/protocol';
import packageJson from '../../package.json' with { type: 'json' };
import type { Engine, Selector, Servable } from '../engine/index.ts';
import { type BodyReader, createBodyReader, type InferenceBody } from './body.ts';
import { type InferenceRequest, parseRequest } from './request.ts';
import {
  type Answer,
  errorAnswer,
  healthAnswer,
  inferenceAnswer,
  jsonAnswer,
  metadataAnswer,
} from './response.ts';
import { type QueryRoute, routeOf } from './routes.ts';

export interface InferenceHttp {
  url: string;
  port: number;
  /** Answers what is being read or computed, for at most `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>;
}

/** Slow and idle clients are bounded; times in milliseconds. */
const socketLimits = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxConnections: 512,
};

/** Listens for inference requests. Errors: PORT_IN_USE, or INTERNAL when the address cannot be listened on. */
export async function serveHttp(
  engine: Engine,
  address: { host: string; port: number },
): Promise<InferenceHttp> {
  const bodies = createBodyReader();
  const server = createServer(socketLimits, (request, response) => {
    response.once('close', () => {
      // While the server closes: a connection kept after its last answer would hold up the end.
      if (!server.listening) server.closeIdleConnections();
    });
    void answerRequest(engine, bodies, request, response);
  });
  server.maxConnections = socketLimits.maxConnections;
  server.on('clientError', answerClientError);
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return { url: `http://${host}:${port}`, port, close: (graceMs) => close(server, graceMs) };
}

async function answerRequest(
  engine: Engine,
  bodies: BodyReader,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const route = routeOf(request.method ?? '', request.url ?? '');
    if (route.kind !== 'infer') {
      send(response, answerFor(engine, route));
      return;
    }
    // Before the body is read: what cannot be served shall not cost its memory.
    engine.route(selectorOf(route));
    await bodies.withBody(request, (body) => {
      const receivedMs = performance.now();
      // Routed again, and used without a pause: the plan may have changed while the body arrived.
      const servable = engine.route(selectorOf(route));
      return answerInference(engine, servable, body, response, receivedMs);
    });
  } catch (error) {
    send(response, errorAnswer(toCoveyError(error)));
  }
}

async function answerInference(
  engine: Engine,
  servable: Servable,
  body: InferenceBody,
  response: ServerResponse,
  receivedMs: number,
): Promise<void> {
  let request: InferenceRequest;
  try {
    request = parseRequest(body, servable.model.schema);
  } catch (error) {
    engine.refused(servable);
    throw error;
  }
  const reply = await engine.infer(servable, {
    inputs: request.inputs,
    priority: 0,
    timeoutMs: undefined,
    caller: 'local',
    traceparent: undefined,
    signal: undefined,
    receivedMs,
  });
  send(response, inferenceAnswer(reply, request));
  await reply.finish();
}

function selectorOf({ model, version }: { model: string; version: string | undefined }): Selector {
  return { model, version, key: undefined };
}

function answerFor(engine: Engine, route: QueryRoute): Answer {
  switch (route.kind) {
    case 'server':
      return jsonAnswer({ name: 'covey', version: packageJson.version, extensions: ['binary_tensor_data'] });
    case 'live':
      return healthAnswer(true);
    case 'ready':
      return healthAnswer(engine.isReady());
    case 'model':
      return metadataAnswer(engine.route(selectorOf(route)).model);
    case 'modelReady':
      engine.route(selectorOf(route));
      return healthAnswer(true);
  }
}

function send(response: ServerResponse, answer: Answer): void {
  // The client went away, or (by a fault of ours) was answered already: nobody to tell.
  if (response.destroyed || response.headersSent) return;
  response.writeHead(answer.status, answer.headers);
  const last = answer.body.at(-1);
  if (answer.body.length > 1) response.cork();
  for (const part of answer.body.slice(0, -1)) response.write(part);
  response.end(last);
}

/** What node:http refuses before a request exists: malformed, too slow, too large a header. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'the request took too long to arrive']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'the headers are too large']
        : ['400 Bad Request', 'this is not an HTTP request'];
  const body = JSON.stringify({ error: message });
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\n`;
  socket.end(`${head}x-covey-error-code: WIRE_MALFORMED\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const error =
        cause.code === 'EADDRINUSE'
          ? new CoveyError('PORT_IN_USE', `port ${port} on ${host} is in use`, { cause })
          : toCoveyError(cause);
      reject(error);
    });
    server.listen({ host, port, backlog: socketLimits.maxConnections }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(late);
}
