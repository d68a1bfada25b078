import { CoveyError, limits } from '@covey/protocol';
import { SignedDocument, TrustUpload, TrustView } from '@covey/protocol/api';
import * as z from 'zod';
import type { AdminApp } from './admin.ts';
import { actor, errorAnswers } from './routes.ts';
import type { AdminServices } from './services.ts';

const RoleParams = z.object({ role: z.string().max(255) });

/** Who may publish, and the metadata that says so. */
export function trustRoutes(app: AdminApp, { trust }: AdminServices): void {
  fileRoute(app, trust);
  app.get(
    '/trust',
    {
      schema: {
        tags: ['trust'],
        summary: 'Roles with their keys and versions, and the key of the controller',
        response: { 200: TrustView, ...errorAnswers },
      },
    },
    async () => trust.view(),
  );
  app.get(
    '/trust/:role',
    {
      schema: {
        tags: ['trust'],
        summary: 'The newest metadata file of a role',
        params: RoleParams,
        response: { 200: SignedDocument, ...errorAnswers },
      },
    },
    async ({ params: { role } }) => {
      const bytes = await trust.newest(role);
      if (!bytes) throw new CoveyError('NOT_FOUND', `there is no metadata of role ${role}`);
      return JSON.parse(new TextDecoder().decode(bytes)) as SignedDocument;
    },
  );
  app.post(
    '/trust',
    {
      bodyLimit: limits.trustTargetsBytes * 2,
      schema: {
        tags: ['trust'],
        summary: 'Publish metadata that was signed elsewhere: it is checked as devices will',
        body: TrustUpload,
        response: { 200: TrustView, ...errorAnswers },
      },
    },
    async ({ body }) => {
      await trust.publish(body, { actor, commit: async () => {} });
      return trust.view();
    },
  );
}

function fileRoute(app: AdminApp, trust: AdminServices['trust']): void {
  app.get(
    '/trust/files/:name',
    {
      schema: {
        tags: ['trust'],
        summary: 'A metadata file as devices get it: 3.root.json, timestamp.json, 7.bearing.json',
        params: z.object({ name: z.string().max(300) }),
        response: { 200: z.any().describe('the file'), ...errorAnswers },
      },
    },
    async ({ params: { name } }, reply) => {
      const bytes = name === 'root.json' ? await trust.newest('root') : await trust.file(name);
      if (!bytes) throw new CoveyError('NOT_FOUND', `there is no metadata ${name}`);
      return reply.type('application/json').send(Buffer.from(bytes));
    },
  );
}
