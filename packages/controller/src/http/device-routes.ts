import {
  AuthorityAnswer,
  AuthorityRequest,
  DevicePatch,
  DevicesAnswer,
  DevicesQuery,
  DeviceView,
  TokenAnswer,
  TokenRequest,
  TokensAnswer,
} from '@covey/protocol/api';
import { deviceView, listDevices, patchTags } from '../fleet/index.ts';
import type { AdminApp } from './admin.ts';
import { actor, DeviceParams, errorAnswers, NoContent, TokenParams } from './routes.ts';
import type { AdminServices } from './services.ts';

/** Devices. */
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
}

function changeRoutes(app: AdminApp, services: AdminServices): void {
  const { storage, clock, changes } = services;
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
  refusalRoutes(app, services);
}

function refusalRoutes(app: AdminApp, { identity, changes, disconnect }: AdminServices): void {
  const refuse = async (device: string, refusal: 'revoked' | 'reset') => {
    await identity.refuse(device, refusal, actor);
    disconnect(device);
    changes.note('device', device);
  };
  app.delete(
    '/devices/:device',
    {
      schema: {
        tags: ['devices'],
        summary: 'Revoke a device: its certificates are refused from now on, and its connections end',
        params: DeviceParams,
        response: { 204: NoContent, ...errorAnswers },
      },
    },
    async ({ params }, reply) => {
      await refuse(params.device, 'revoked');
      return reply.code(204).send();
    },
  );
  app.post(
    '/devices/:device/reset',
    {
      schema: {
        tags: ['devices'],
        summary: 'Withdraw the identity of a device, so that its id may be enrolled again with a new key',
        params: DeviceParams,
        response: { 204: NoContent, ...errorAnswers },
      },
    },
    async ({ params }, reply) => {
      await refuse(params.device, 'reset');
      return reply.code(204).send();
    },
  );
}

/** The controller's certificate authority. */
export function authorityRoutes(app: AdminApp, { identity }: AdminServices): void {
  app.get(
    '/authority',
    {
      schema: {
        tags: ['devices'],
        summary: "The controller's certificate authority, and who is behind in a change of it",
        response: { 200: AuthorityAnswer, ...errorAnswers },
      },
    },
    () => identity.authority(),
  );
  app.post(
    '/authority',
    {
      schema: {
        tags: ['devices'],
        summary: 'Begin or finish a change of the authority',
        body: AuthorityRequest,
        response: { 200: AuthorityAnswer, ...errorAnswers },
      },
    },
    ({ body: { step, force } }) => identity.rotate(step, { force, actor }),
  );
}

/** Enrolment tokens. */
export function tokenRoutes(app: AdminApp, { identity, urls }: AdminServices): void {
  app.get(
    '/tokens',
    {
      schema: {
        tags: ['devices'],
        summary: 'Enrolment tokens, newest first, without what enrols',
        response: { 200: TokensAnswer, ...errorAnswers },
      },
    },
    async () => ({ tokens: await identity.listTokens() }),
  );
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
  app.delete(
    '/tokens/:token',
    {
      schema: {
        tags: ['devices'],
        summary: 'Revoke an enrolment token: nobody enrols by it any more',
        params: TokenParams,
        response: { 204: NoContent, ...errorAnswers },
      },
    },
    async ({ params }, reply) => {
      await identity.revokeToken(params.token, actor);
      return reply.code(204).send();
    },
  );
}
