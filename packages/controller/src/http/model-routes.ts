import { CoveyError, limits } from '@covey/protocol';
import {
  ChannelRequest,
  MissingChunksAnswer,
  MissingChunksRequest,
  ModelsAnswer,
  ModelView,
  PublishRequest,
  VersionDetail,
  VersionView,
} from '@covey/protocol/api';
import * as z from 'zod';
import type { AdminApp } from './admin.ts';
import {
  actor,
  ChannelParams,
  ChunkParams,
  errorAnswers,
  ModelParams,
  NoContent,
  VersionParams,
} from './routes.ts';
import type { AdminServices } from './services.ts';

/** Models, versions, channels and chunks. */
export function modelRoutes(app: AdminApp, { registry }: AdminServices): void {
  readRoutes(app, registry);
  contentRoutes(app, registry);
  publishRoutes(app, registry);
}

function readRoutes(app: AdminApp, registry: AdminServices['registry']): void {
  app.get(
    '/models',
    {
      schema: { tags: ['models'], summary: 'All models', response: { 200: ModelsAnswer, ...errorAnswers } },
    },
    async () => ({ models: await registry.models() }),
  );
  app.get(
    '/models/:model',
    {
      schema: {
        tags: ['models'],
        summary: 'A model with its versions and channels',
        params: ModelParams,
        response: { 200: ModelView, ...errorAnswers },
      },
    },
    async ({ params }) => registry.model(params.model),
  );
  app.get(
    '/models/:model/versions/:version',
    {
      schema: {
        tags: ['models'],
        summary: 'A version, by version, number or channel',
        params: VersionParams,
        response: { 200: VersionDetail, ...errorAnswers },
      },
    },
    async ({ params }) => registry.version(params.model, params.version),
  );
}

/** What devices get, for those to whom it is carried. */
function contentRoutes(app: AdminApp, registry: AdminServices['registry']): void {
  app.get(
    '/bundles/:sha256',
    {
      schema: {
        tags: ['models'],
        summary: 'The manifest of a version, by its digest, byte for byte',
        params: ChunkParams,
        response: { 200: z.any().describe('the manifest'), ...errorAnswers },
      },
    },
    async ({ params: { sha256 } }, reply) => {
      const bytes = await registry.manifestBytes(sha256);
      if (!bytes) throw new CoveyError('NOT_FOUND', `there is no bundle ${sha256}`);
      return reply.type('application/json').send(Buffer.from(bytes));
    },
  );
  app.get(
    '/chunks/:sha256',
    {
      schema: {
        tags: ['models'],
        summary: 'A chunk (application/octet-stream)',
        params: ChunkParams,
        response: { 200: z.any().describe('the chunk'), ...errorAnswers },
      },
    },
    async ({ params: { sha256 } }, reply) => {
      const bytes = await registry.chunk(sha256);
      if (!bytes) throw new CoveyError('NOT_FOUND', `there is no chunk ${sha256}`);
      return reply.type('application/octet-stream').send(Buffer.from(bytes));
    },
  );
}

function publishRoutes(app: AdminApp, registry: AdminServices['registry']): void {
  app.post(
    '/chunks/missing',
    {
      schema: {
        tags: ['models'],
        summary: 'Which chunks have to be uploaded',
        body: MissingChunksRequest,
        response: { 200: MissingChunksAnswer, ...errorAnswers },
      },
    },
    async ({ body }) => ({ missing: await registry.missingChunks(body.chunks) }),
  );
  app.put(
    '/chunks/:sha256',
    {
      bodyLimit: limits.chunkBytes,
      schema: {
        tags: ['models'],
        summary: 'Upload a chunk (application/octet-stream)',
        params: ChunkParams,
        response: { 204: NoContent, ...errorAnswers },
      },
    },
    async ({ params, body }, reply) => {
      if (!(body instanceof Uint8Array))
        throw new CoveyError('INVALID_DOCUMENT', 'a chunk is sent as application/octet-stream');
      await registry.putChunk(params.sha256, body);
      return reply.code(204).send();
    },
  );
  app.post(
    '/models/:model/versions',
    {
      bodyLimit: limits.manifestBytes + limits.trustTargetsBytes * 2,
      schema: {
        tags: ['models'],
        summary: 'Publish a version, after all chunks: its manifest, and the signed metadata that lists it',
        params: ModelParams,
        body: PublishRequest,
        response: { 200: VersionView, ...errorAnswers },
      },
    },
    async ({ params, body }) => registry.publish(params.model, body, actor),
  );
  app.put(
    '/models/:model/channels/:channel',
    {
      schema: {
        tags: ['models'],
        summary: 'Point a channel to a version',
        params: ChannelParams,
        body: ChannelRequest,
        response: { 200: ModelView, ...errorAnswers },
      },
    },
    async ({ params, body }) => registry.setChannel(params.model, params.channel, body.version, actor),
  );
}
