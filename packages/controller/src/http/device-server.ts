import type { TLSSocket } from 'node:tls';
import { CoveyError } from '@covey/protocol';
import { Digest } from '@covey/protocol/api';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ServerCredentials } from '../identity/index.ts';
import { errorHandler, notFoundHandler } from './errors.ts';
import { parseRange } from './range.ts';
import type { DeviceServices } from './services.ts';

/**
 * What devices fetch, with mutual TLS: GET /bundles/{digest} (the signed envelope) and GET /chunks/{sha256} (with ranges).
 * Both are named by their digest, so they never change. A revoked device gets 403.
 */
export function createDeviceServer(services: DeviceServices, tls: ServerCredentials): FastifyInstance {
  const app = fastify({
    https: { key: tls.key, cert: tls.certificate, ca: tls.ca, requestCert: true, rejectUnauthorized: true },
    bodyLimit: 1_024,
    requestTimeout: 30_000,
    keepAliveTimeout: 60_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 128 },
  });
  app.setErrorHandler(errorHandler(services.log));
  app.setNotFoundHandler(notFoundHandler);
  app.addHook('onRequest', async (request) => checkDevice(request, services));
  app.get<{ Params: { digest: string } }>('/bundles/:digest', async ({ params }, reply) => {
    const envelope = Digest.safeParse(params.digest).success
      ? await services.registry.envelope(params.digest)
      : undefined;
    if (!envelope) throw new CoveyError('NOT_FOUND', `there is no bundle ${params.digest}`);
    return immutable(reply).type('application/json').send(Buffer.from(envelope));
  });
  app.get<{ Params: { sha256: string } }>('/chunks/:sha256', async (request, reply) => {
    const { sha256 } = request.params;
    const bytes = Digest.safeParse(sha256).success ? await services.registry.chunk(sha256) : undefined;
    if (!bytes) throw new CoveyError('NOT_FOUND', `there is no chunk ${sha256}`);
    return sendRange(immutable(reply), bytes, request.headers.range);
  });
  return app as unknown as FastifyInstance;
}

async function checkDevice(request: FastifyRequest, { identity }: DeviceServices): Promise<void> {
  const certificate = (request.raw.socket as TLSSocket).getPeerCertificate();
  const device = certificate.subject?.CN;
  if (typeof device !== 'string') throw new CoveyError('UNAUTHENTICATED', 'the certificate names no device');
  if (await identity.isRevoked(device, certificate.serialNumber.toLowerCase()))
    throw new CoveyError('DEVICE_REVOKED', `the certificate of device ${device} is no longer good`);
}

function immutable(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'public, max-age=31536000, immutable');
}

function sendRange(reply: FastifyReply, bytes: Uint8Array, header: string | undefined): FastifyReply {
  const range = parseRange(header, bytes.byteLength);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  reply.header('accept-ranges', 'bytes').type('application/octet-stream');
  if (range === undefined) return reply.send(body);
  if (range === 'unsatisfiable')
    return reply.code(416).header('content-range', `bytes */${bytes.byteLength}`).send();
  const { start, end } = range;
  return reply
    .code(206)
    .header('content-range', `bytes ${start}-${end - 1}/${bytes.byteLength}`)
    .send(body.subarray(start, end));
}
