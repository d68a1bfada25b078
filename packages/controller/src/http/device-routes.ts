import {
  DevicePatch,
  DevicesAnswer,
  DevicesQuery,
  DeviceView,
  TokenAnswer,
  TokenRequest,
} from '@covey/protocol/api';
import { deviceView, listDevices, patchTags } from '../fleet/index.ts';
import type { AdminApp } from './admin.ts';
import { actor, DeviceParams, errorAnswers, NoContent } from './routes.ts';
import type { AdminServices } from './services.ts';

/** Devices and enrolment tokens. */
export function deviceRoutes(app: AdminApp, services: AdminServices): void {
  const { storage } = services;
  app.get(
    '/devices',
    {
      schema: {
        tags: ['devices'],
        summary: 'The devices of a group, by id',
        querystring: DevicesQuery,
        response: { 200: DevicesAnswer, ...errorAnswers },
      },
    },
    async ({ query }) => listDevices(storage.db, query),
  );
  app.get(
    '/devices/:device',
    {
      schema: {
        tags: ['devices'],
        summary: 'A device: what is wanted of it and what it reports',
        params: DeviceParams,
        response: { 200: DeviceView, ...errorAnswers },
      },
    },
    async ({ params }) => deviceView(storage.db, params.device),
  );
  changeRoutes(app, services);
  tokenRoute(app, services);
}

function changeRoutes(app: AdminApp, { storage, clock, identity, changes, disconnect }: AdminServices): void {
  app.patch(
    '/devices/:device',
    {
      schema: {
        tags: ['devices'],
        summary: 'Set or remove tags (JSON merge patch)',
        params: DeviceParams,
        body: DevicePatch,
        response: { 200: DeviceView, ...errorAnswers },
      },
    },
    async ({ params, body }) => {
      await patchTags(storage, params.device, body.tags, { actor, now: clock.now() });
      changes.note('device', params.device);
      return deviceView(storage.db, params.device);
    },
  );
  app.delete(
    '/devices/:device',
    {
      schema: {
        tags: ['devices'],
        summary: 'Revoke a device: its certificate is refused from now on',
        params: DeviceParams,
        response: { 204: NoContent, ...errorAnswers },
      },
    },
    async ({ params }, reply) => {
      await identity.revoke(params.device, actor);
      disconnect(params.device);
      changes.note('device', params.device);
      return reply.code(204).send();
    },
  );
}

function tokenRoute(app: AdminApp, { identity, urls }: AdminServices): void {
  app.post(
    '/tokens',
    {
      schema: {
        tags: ['devices'],
        summary: 'Make an enrolment token; it is shown this once',
        body: TokenRequest,
        response: { 200: TokenAnswer, ...errorAnswers },
      },
    },
    async ({ body: { tags, maxUses, expiresInMs } }) =>
      identity.createToken({
        url: urls().adminUrl,
        tags,
        maxUses,
        validMs: expiresInMs,
        createdBy: actor,
      }),
  );
}
