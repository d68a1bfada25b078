import type { Log } from '@covey/ports';
import { CoveyError, limits } from '@covey/protocol';
import { HealthAnswer } from '@covey/protocol/api';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { ServerCredentials } from '../identity/index.ts';
import { bearerCheck } from './authentication.ts';
import { authorityRoutes, deviceRoutes, tokenRoutes } from './device-routes.ts';
import { enrolmentRoutes } from './enrolment-routes.ts';
import { errorHandler, notFoundHandler } from './errors.ts';
import { linkRoutes } from './link-routes.ts';
import { modelRoutes } from './model-routes.ts';
import { monitoringRoutes } from './monitoring-routes.ts';
import { rolloutRoutes } from './rollout-routes.ts';
import type { AdminServices } from './services.ts';
import { trustRoutes } from './trust-routes.ts';

/** Requests handled at a time: bounds the memory that bodies take. */
const maxRequestsInFlight = 256;

/** The one form of the server that routes see, whether it speaks TLS or not. */
export type AdminApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** The admin API (/v1, its documentation at /docs), enrolment, and /healthz. Without TLS only for tests that inject. */
export async function createAdminServer(
  services: AdminServices,
  tls: ServerCredentials | undefined,
): Promise<AdminApp> {
  const app = newApp(tls, services.log);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(errorHandler(services.log));
  app.setNotFoundHandler(notFoundHandler);
  app.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => body,
  );
  boundRequests(app);
  await documentApi(app, services.version);
  app.get(
    '/healthz',
    {
      schema: {
        tags: ['operations'],
        summary: 'Whether the controller runs',
        response: { 200: HealthAnswer },
      },
    },
    async () => ({ status: 'ok' as const, version: services.version, now: services.clock.now() }),
  );
  enrolmentRoutes(app, services);
  await app.register(
    async (plugin) => {
      const v1 = plugin.withTypeProvider<ZodTypeProvider>();
      v1.addHook('onRequest', bearerCheck({ clock: services.clock, token: services.identity.adminToken }));
      modelRoutes(v1, services);
      trustRoutes(v1, services);
      deviceRoutes(v1, services);
      tokenRoutes(v1, services);
      authorityRoutes(v1, services);
      rolloutRoutes(v1, services);
      linkRoutes(v1, services);
      monitoringRoutes(v1, services);
    },
    { prefix: '/v1' },
  );
  return app;
}

function newApp(tls: ServerCredentials | undefined, log: Log): AdminApp {
  const app: unknown = fastify({
    https: tls ? { key: tls.key, cert: tls.certificate } : null,
    bodyLimit: limits.adminBodyBytes,
    requestTimeout: 60_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 128 },
    // Refused before there is a route.
    frameworkErrors: errorHandler(log),
  });
  return (app as FastifyInstance).withTypeProvider<ZodTypeProvider>();
}

function boundRequests(app: AdminApp): void {
  let inFlight = 0;
  app.addHook('onRequest', async (_request, reply) => {
    inFlight++;
    reply.raw.once('close', () => {
      inFlight--;
    });
    if (inFlight > maxRequestsInFlight)
      throw new CoveyError('OVERLOADED', `the controller handles ${maxRequestsInFlight} requests at a time`);
  });
}

async function documentApi(app: AdminApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      info: { title: 'Covey controller', version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
}
