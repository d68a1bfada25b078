import {
  AuditAnswer,
  AuditQuery,
  ChangesAnswer,
  ChangesQuery,
  DeviceId,
  EventsAnswer,
  EventsQuery,
  MetricsAnswer,
  MetricsQuery,
  Name,
  SummariesAnswer,
  SummariesQuery,
  WhyAnswer,
} from '@covey/protocol/api';
import * as z from 'zod';
import { queryAudit } from '../audit/index.ts';
import { explainServing, listEvents, queryMetrics, querySummaries } from '../monitoring/index.ts';
import type { AdminApp } from './admin.ts';
import { errorAnswers, ModelParams } from './routes.ts';
import type { AdminServices } from './services.ts';

/** What was measured, what happened, and why. */
export function monitoringRoutes(app: AdminApp, services: AdminServices): void {
  const { storage, registry, rollouts, clock } = services;
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['monitoring'],
        summary: 'Requests, errors and latency by version: totals and by minute',
        querystring: MetricsQuery,
        response: { 200: MetricsAnswer, ...errorAnswers },
      },
    },
    async ({ query }) => queryMetrics(storage.db, query, clock.now()),
  );
  app.get(
    '/summaries/:model',
    {
      schema: {
        tags: ['monitoring'],
        summary: 'What a model sees and says, merged over devices, against its reference',
        params: ModelParams,
        querystring: SummariesQuery,
        response: { 200: SummariesAnswer, ...errorAnswers },
      },
    },
    async ({ params, query }) => {
      const { name } = await registry.model(params.model);
      return querySummaries(storage.db, registry, { model: name, ...query }, clock.now());
    },
  );
  app.get(
    '/why/:device/:model',
    {
      schema: {
        tags: ['monitoring'],
        summary: 'Why a device serves what it serves',
        params: z.object({ device: DeviceId, model: Name }),
        response: { 200: WhyAnswer, ...errorAnswers },
      },
    },
    async ({ params }) => {
      await registry.model(params.model);
      return explainServing(storage.db, rollouts, params);
    },
  );
  recordRoutes(app, services);
}

function recordRoutes(app: AdminApp, { storage, changes }: AdminServices): void {
  app.get(
    '/events',
    {
      schema: {
        tags: ['monitoring'],
        summary: 'What devices told of, newest first',
        querystring: EventsQuery,
        response: { 200: EventsAnswer, ...errorAnswers },
      },
    },
    async ({ query }) => ({ events: await listEvents(storage.db, query) }),
  );
  app.get(
    '/audit',
    {
      schema: {
        tags: ['monitoring'],
        summary: 'Who did what, newest first',
        querystring: AuditQuery,
        response: { 200: AuditAnswer, ...errorAnswers },
      },
    },
    async ({ query: { before, limit } }) =>
      queryAudit(storage.db, { limit, ...(before !== undefined && { before }) }),
  );
  app.get(
    '/changes',
    {
      schema: {
        tags: ['monitoring'],
        summary: 'Wait for something to change (long poll)',
        querystring: ChangesQuery,
        response: { 200: ChangesAnswer, ...errorAnswers },
      },
    },
    async ({ query }) => changes.after(query.after, query.timeoutMs),
  );
}
