import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { CoveyError } from '@covey/protocol';
import { Digest } from '@covey/protocol/api';
import fastify, {
  type FastifyHttpsOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { isIssuedHere, type ServerCredentials } from '../identity/index.ts';
import { storedBytes } from '../storage/index.ts';
import type { AdminApp } from './admin.ts';
import { errorHandler, notFoundHandler } from './errors.ts';
import { identityRoutes } from './identity-routes.ts';
import { createPeers } from './peers.ts';
import { createSender, type Sender } from './sender.ts';
import type { DeviceServices } from './services.ts';

/** How long a device is kept waiting while its transfer is made; after that it is told to ask again. */
const transferWaitMs = 20_000;
const comeAgainSeconds = 5;
/** MQTT over WebSocket, where nothing but HTTPS passes. */
const webSocketPath = '/mqtt';

/** The listener of devices; `disconnect` ends those of one. */
export interface DeviceServer {
  app: FastifyInstance;
  disconnect(device: string): void;
}

/** Paths of the admin API; all others are of devices. */
const adminPaths = /^\/(?:v1|docs|enrol|healthz)(?:[/?]|$)/;

function sharedBy(admin: AdminApp, forDevices: RequestListener): RequestListener {
  return (request, response) =>
    adminPaths.test(request.url ?? '') ? admin.routing(request, response) : forDevices(request, response);
}

/**
 * What devices fetch, with mutual TLS: GET /trust/{name} (signed metadata), GET /bundles/{digest} (the manifest),
 * GET /transfers/{sha256} and GET /chunks/{sha256} (with ranges), of which the latter three are named by digests, so that they
 * never change; and their identity. An expired certificate passes the handshake, as it may still be renewed; every request is checked by the
 * certificate's fingerprint. With `admin` the listener serves that too.
 */
export function createDeviceServer(
  services: DeviceServices,
  tls: ServerCredentials,
  admin?: AdminApp,
): DeviceServer {
  const https = {
    ...{ key: tls.key, cert: tls.certificate, ca: tls.ca, allowPartialTrustChain: true },
    ...{ requestCert: true, rejectUnauthorized: false },
  };
  const options: FastifyHttpsOptions<Server> = {
    https,
    ...(admin && {
      serverFactory: (handler) => createServer(https, sharedBy(admin, handler as RequestListener)),
    }),
    bodyLimit: 1_024,
    requestTimeout: 30_000,
    keepAliveTimeout: 60_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 128 },
    // Refused before there is a route.
    frameworkErrors: errorHandler(services.log),
  };
  const app = fastify(options) as unknown as FastifyInstance;
  if (admin)
    app.addHook('onReady', async () => void (await admin.ready())).addHook('onClose', () => admin.close());
  // Where operators come to the same port without a certificate, every request is checked alone.
  else
    app.server.on('secureConnection', (socket: TLSSocket) => {
      if (!isIssuedHere(socket)) socket.destroy();
    });
  app.setErrorHandler(errorHandler(services.log));
  app.setNotFoundHandler(notFoundHandler);
  app.server.on('upgrade', (request, socket, head) => {
    if (request.url === webSocketPath) services.upgrade(request, socket as TLSSocket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
  });
  const peers = createPeers(services.identity);
  identityRoutes(app, services, peers);
  app.register(async (files) => {
    const askers = new WeakMap<FastifyRequest, Asker>();
    files.addHook('onRequest', async (request) => {
      const { device } = await peers.check(request);
      askers.set(request, { device, send: createSender(services, device) });
    });
    fileRoutes(files, services, (request) => {
      const asker = askers.get(request);
      if (!asker) throw new CoveyError('INTERNAL', 'a request without a device');
      return asker;
    });
  });
  return { app, disconnect: peers.disconnect };
}

/** The device that a request is from. */
interface Asker {
  device: string;
  send: Sender;
}
type AskerOf = (request: FastifyRequest) => Asker;

function fileRoutes(app: FastifyInstance, services: DeviceServices, askerOf: AskerOf): void {
  app.get<{ Params: { digest: string } }>('/bundles/:digest', async ({ params }, reply) => {
    const bytes = Digest.safeParse(params.digest).success
      ? await services.registry.manifestBytes(params.digest)
      : undefined;
    if (!bytes) throw new CoveyError('NOT_FOUND', `there is no bundle ${params.digest}`);
    return immutable(reply).type('application/json').send(Buffer.from(bytes));
  });
  app.get<{ Params: { name: string } }>('/trust/:name', async ({ params }, reply) => {
    const bytes = await services.trust.file(params.name);
    if (!bytes) throw new CoveyError('NOT_FOUND', `there is no metadata ${params.name}`);
    const isNewest = params.name === 'timestamp.json';
    return (isNewest ? reply.header('cache-control', 'no-cache') : immutable(reply))
      .type('application/json')
      .send(Buffer.from(bytes));
  });
  app.get<{ Params: { sha256: string } }>('/chunks/:sha256', async (request, reply) => {
    const { sha256 } = request.params;
    const bytes = Digest.safeParse(sha256).success ? await services.registry.chunk(sha256) : undefined;
    if (!bytes) throw new CoveyError('NOT_FOUND', `there is no chunk ${sha256}`);
    return askerOf(request).send(immutable(reply), storedBytes(bytes), request.headers.range);
  });
  transferRoute(app, services, askerOf);
}

/**
 * GET /transfers/{target}?from={base}: a file in its encoded form, from a base or from nothing. 404, and 403 where the device has
 * no use for it: fetch its chunks. 503 with `Retry-After`: it is being made.
 */
function transferRoute(app: FastifyInstance, { transfers }: DeviceServices, askerOf: AskerOf): void {
  app.get<{ Params: { target: string }; Querystring: { from?: string } }>(
    '/transfers/:target',
    async (request, reply) => {
      const { target } = request.params;
      const base = request.query.from ?? null;
      const { device, send } = askerOf(request);
      const isNamed = [target, ...(base === null ? [] : [base])].every(
        (digest) => Digest.safeParse(digest).success,
      );
      const stored = isNamed
        ? await transfers.get(device, { target, base }, transferWaitMs).catch((error: unknown) => {
            if (error instanceof CoveyError && error.code === 'TRANSFER_PENDING')
              reply.header('retry-after', comeAgainSeconds);
            throw error;
          })
        : null;
      if (!stored) throw new CoveyError('NOT_FOUND', `there is no transfer of ${target}`);
      return send(immutable(reply), stored, request.headers.range);
    },
  );
}

function immutable(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'public, max-age=31536000, immutable');
}
