import { CoveyError, type LoadedModel, toCoveyError } from '@covey/protocol';
import type { Engine, InferenceReply } from '../engine/index.ts';
import type { Reach } from '../gateway/index.ts';
import * as messages from '../generated/inference_pb.ts';
import {
  classified,
  modelConfig,
  modelMetadata,
  serverMetadata,
  statisticsDocument,
} from '../open-inference/index.ts';
import { infer } from './infer.ts';
import { inferCallOf, type WantedOutput } from './infer-call.ts';
import { inferReplyParts, streamErrorParts, streamReplyParts } from './infer-reply.ts';
import { type InferRequest, readInferRequest } from './infer-request.ts';
import { type Answerer, bidirectional, messageOf, query, unary } from './method.ts';
import type { Methods } from './server.ts';

export const inferenceService = 'inference.GRPCInferenceService';

/** inference.GRPCInferenceService, as Triton and KServe have it. */
export function inferenceMethods(engine: Engine): Methods {
  const methods: Methods = {
    ServerLive: query(messages.ServerLiveRequestSchema, messages.ServerLiveResponseSchema, 'server', () => ({
      live: true,
    })),
    ServerReady: query(
      messages.ServerReadyRequestSchema,
      messages.ServerReadyResponseSchema,
      'server',
      () => ({
        ready: engine.isReady(),
      }),
    ),
    ServerMetadata: query(
      messages.ServerMetadataRequestSchema,
      messages.ServerMetadataResponseSchema,
      'server',
      () => serverMetadata,
    ),
    ...modelMethods(engine),
    ModelInfer: unary(inferAnswerer(engine)),
    ModelStreamInfer: bidirectional(streamAnswerer(engine)),
    ...repositoryMethods(engine),
  };
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [`/${inferenceService}/${name}`, method]),
  );
}

function modelMethods(engine: Engine): Methods {
  const modelOf = ({ name, version }: { name: string; version: string }) =>
    engine.route({ model: name, version: version || undefined, key: undefined }).model;
  return {
    ModelReady: query(
      messages.ModelReadyRequestSchema,
      messages.ModelReadyResponseSchema,
      modelReach,
      (request) => ({
        ready: isReady(() => modelOf(request)),
      }),
    ),
    ModelMetadata: query(
      messages.ModelMetadataRequestSchema,
      messages.ModelMetadataResponseSchema,
      modelReach,
      (request) =>
        messageOf(
          messages.ModelMetadataResponseSchema,
          modelMetadata(modelOf(request), engine.repository.index()),
        ),
    ),
    ModelConfig: query(
      messages.ModelConfigRequestSchema,
      messages.ModelConfigResponseSchema,
      modelReach,
      (request) => messageOf(messages.ModelConfigResponseSchema, { config: modelConfig(modelOf(request)) }),
    ),
    ModelStatistics: query(
      messages.ModelStatisticsRequestSchema,
      messages.ModelStatisticsResponseSchema,
      modelReach,
      ({ name, version }) =>
        messageOf(
          messages.ModelStatisticsResponseSchema,
          statisticsDocument(engine.statistics(name || undefined, version || undefined)),
        ),
    ),
  };
}

/** No name: all models. */
function modelReach({ name }: { name: string }): Reach {
  return name === '' ? 'models' : { model: name };
}

function inferAnswerer(engine: Engine): Answerer {
  return async (message, call, lease) => {
    const request = readInferRequest(message);
    const { asked, reply } = await infer(engine, call, request, ({ model }) =>
      inferCallOf(request, model.schema, lease),
    );
    return { parts: replyParts(reply, request, asked.outputs), sent: () => reply.finish() };
  };
}

/** A request that fails is answered with its error: the stream goes on. */
function streamAnswerer(engine: Engine): Answerer {
  const answer = inferAnswerer(engine);
  return async (message, call, lease) => {
    let over = () => {};
    try {
      over = call.caller.admit();
      const { parts, ...reply } = await answer(message, call, lease);
      return { ...reply, parts: streamReplyParts(parts) };
    } catch (error) {
      return { parts: streamErrorParts(toCoveyError(error), idOf(message)) };
    } finally {
      over();
    }
  };
}

/** The id of a request that failed, where it can be read. */
function idOf(message: Uint8Array): string {
  try {
    return readInferRequest(message).id;
  } catch {
    return '';
  }
}

function replyParts(reply: InferenceReply, { id }: InferRequest, wanted: WantedOutput[]) {
  const { model, outputs } = reply;
  const answered = wanted.map(({ name, classes }) => {
    const tensor = outputs[name];
    if (tensor === undefined) throw new CoveyError('INFERENCE_FAILED', `the model gave no output ${name}`);
    if (classes === 0) return { name, ...tensor };
    const isBatched = model.schema.outputs.find((spec) => spec.name === name)?.shape[0] === -1;
    return { name, ...classified(name, tensor, classes, isBatched, model.classification) };
  });
  return inferReplyParts(reply, id, answered);
}

function repositoryMethods({ repository }: Engine): Methods {
  /** KServe has the model's name where Triton has the repository's. */
  const nameIn = ({ modelName, repositoryName }: { modelName: string; repositoryName: string }) =>
    modelName || repositoryName;
  return {
    RepositoryIndex: query(
      messages.RepositoryIndexRequestSchema,
      messages.RepositoryIndexResponseSchema,
      'models',
      ({ ready }) => ({
        models: repository.index().filter(({ state }) => !ready || state === 'READY'),
      }),
    ),
    RepositoryModelLoad: query(
      messages.RepositoryModelLoadRequestSchema,
      messages.RepositoryModelLoadResponseSchema,
      'repository',
      async (request) => {
        if (Object.keys(request.parameters).length > 0) {
          throw new CoveyError(
            'UNSUPPORTED',
            'a model is loaded as its bundle has it: parameters are not served',
          );
        }
        await repository.load(nameIn(request));
        return { modelName: nameIn(request), isLoaded: true };
      },
    ),
    RepositoryModelUnload: query(
      messages.RepositoryModelUnloadRequestSchema,
      messages.RepositoryModelUnloadResponseSchema,
      'repository',
      async (request) => {
        await repository.unload(nameIn(request));
        return { modelName: nameIn(request), isUnloaded: true };
      },
    ),
  };
}

/** A model that is not there is not ready; every other fault is one. */
function isReady(find: () => LoadedModel): boolean {
  try {
    find();
    return true;
  } catch (error) {
    if (['MODEL_UNKNOWN', 'MODEL_UNAVAILABLE', 'MODEL_QUARANTINED'].includes(toCoveyError(error).code))
      return false;
    throw error;
  }
}
