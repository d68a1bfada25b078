import {
  PreviewRequest,
  RequestedRollout,
  RollbackAnswer,
  RollbackRequest,
  RolloutPreview,
  RolloutRequest,
  RolloutsAnswer,
  RolloutsQuery,
  RolloutView,
} from '@covey/protocol/api';
import { previewRollout } from '../transfers/index.ts';
import type { AdminApp } from './admin.ts';
import { actor, errorAnswers, RolloutParams } from './routes.ts';
import type { AdminServices } from './services.ts';

const orders = {
  pause: 'Start no further wave',
  resume: 'Go on; an inconclusive wave is accepted as it is',
  abort: 'Take every moved device back to the version it had',
} as const;

/** Rollouts, and the rollback. */
export function rolloutRoutes(app: AdminApp, services: AdminServices): void {
  const { registry, rollouts } = services;
  app.post(
    '/rollouts',
    {
      schema: {
        tags: ['rollouts'],
        summary: 'Move a group to a version, wave by wave',
        body: RolloutRequest,
        response: { 200: RequestedRollout, ...errorAnswers },
      },
    },
    async ({ body }) => {
      const { version } = await registry.version(body.model, body.version);
      return rollouts.create({ ...body, version }, actor);
    },
  );
  app.post(
    '/rollouts/preview',
    {
      schema: {
        tags: ['rollouts'],
        summary: 'What a rollout would bring over the network, before it is begun',
        body: PreviewRequest,
        response: { 200: RolloutPreview, ...errorAnswers },
      },
    },
    async ({ body }) => {
      const { version } = await registry.version(body.model, body.version);
      await rollouts.check({ ...body, version });
      const until = services.clock.now() + body.waitMs;
      return previewRollout({ ...services, db: services.storage.db, until }, { ...body, version });
    },
  );
  app.get(
    '/rollouts',
    {
      schema: {
        tags: ['rollouts'],
        summary: 'Rollouts, newest first',
        querystring: RolloutsQuery,
        response: { 200: RolloutsAnswer, ...errorAnswers },
      },
    },
    async ({ query }) => ({ rollouts: await rollouts.list(query) }),
  );
  app.get(
    '/rollouts/:rollout',
    {
      schema: {
        tags: ['rollouts'],
        summary: 'A rollout with its waves and devices',
        params: RolloutParams,
        response: { 200: RolloutView, ...errorAnswers },
      },
    },
    async ({ params }) => rollouts.view(params.rollout),
  );
  orderRoutes(app, services);
}

function orderRoutes(app: AdminApp, { registry, rollouts }: AdminServices): void {
  for (const order of ['pause', 'resume', 'abort'] as const)
    app.post(
      `/rollouts/:rollout/${order}`,
      {
        schema: {
          tags: ['rollouts'],
          summary: orders[order],
          params: RolloutParams,
          response: { 200: RolloutView, ...errorAnswers },
        },
      },
      async ({ params }) => rollouts.order(params.rollout, order, actor),
    );
  app.post(
    '/rollbacks',
    {
      schema: {
        tags: ['rollouts'],
        summary: 'Take a group back to the version each device had before',
        body: RollbackRequest,
        response: { 200: RollbackAnswer, ...errorAnswers },
      },
    },
    async ({ body }) => {
      const { name } = await registry.model(body.model);
      return rollouts.rollBack({ ...body, model: name }, actor);
    },
  );
}
