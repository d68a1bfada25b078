import {
  LinkChangePreview,
  LinkChangeRequest,
  LinkChangesAnswer,
  LinkChangesQuery,
  LinkChangeView,
} from '@covey/protocol/api';
import type * as z from 'zod';
import type { AdminApp } from './admin.ts';
import { actor, errorAnswers, LinkChangeParams } from './routes.ts';
import type { AdminServices } from './services.ts';

/** Changes of the way by which devices reach this controller. */
export function linkRoutes(app: AdminApp, services: AdminServices): void {
  beginRoutes(app, services);
  changeRoutes(app, services);
}

function beginRoutes(app: AdminApp, { links, urls }: AdminServices): void {
  const planOf = (request: z.infer<typeof LinkChangeRequest>) => {
    const { mqttUrl, deviceUrl } = urls();
    return { ...request, mqttUrl: request.mqttUrl ?? mqttUrl, deviceUrl: request.deviceUrl ?? deviceUrl };
  };
  app.post(
    '/link-changes',
    {
      schema: {
        tags: ['devices'],
        summary:
          'Move a group to other addresses of this controller, wave by wave; what fails is taken back by the device',
        body: LinkChangeRequest,
        response: { 200: LinkChangeView, ...errorAnswers },
      },
    },
    async ({ body }) => links.create(planOf(body), actor),
  );
  app.post(
    '/link-changes/preview',
    {
      schema: {
        tags: ['devices'],
        summary: 'Which devices a change of addresses would move, before it is begun',
        body: LinkChangeRequest,
        response: { 200: LinkChangePreview, ...errorAnswers },
      },
    },
    async ({ body }) => links.preview(planOf(body)),
  );
}

function changeRoutes(app: AdminApp, { links }: AdminServices): void {
  app.get(
    '/link-changes',
    {
      schema: {
        tags: ['devices'],
        summary: 'Changes of addresses, newest first',
        querystring: LinkChangesQuery,
        response: { 200: LinkChangesAnswer, ...errorAnswers },
      },
    },
    async ({ query }) => ({ linkChanges: await links.list(query.limit) }),
  );
  app.get(
    '/link-changes/:change',
    {
      schema: {
        tags: ['devices'],
        summary: 'A change of addresses with its waves and devices',
        params: LinkChangeParams,
        response: { 200: LinkChangeView, ...errorAnswers },
      },
    },
    async ({ params }) => links.view(params.change),
  );
  app.post(
    '/link-changes/:change/stop',
    {
      schema: {
        tags: ['devices'],
        summary: 'Move no further device; those that moved stay',
        params: LinkChangeParams,
        response: { 200: LinkChangeView, ...errorAnswers },
      },
    },
    async ({ params }) => links.stop(params.change, actor),
  );
}
