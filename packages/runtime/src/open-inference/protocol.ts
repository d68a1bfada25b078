import type { IncomingHttpHeaders } from 'node:http';
import { CoveyError, limits } from '@covey/protocol';
import packageJson from '../../package.json' with { type: 'json' };
import type { Engine } from '../engine/index.ts';
import type { Reach } from '../gateway/index.ts';
import {
  type Answer,
  checkMethod,
  emptyAnswer,
  errorAnswer,
  type Handling,
  type HttpProtocol,
  type InferenceHandling,
  jsonAnswer,
} from '../http/index.ts';
import { inferenceAnswer } from './answer.ts';
import { modelConfig } from './config.ts';
import { modelMetadata } from './metadata.ts';
import { profileAnswer } from './profile.ts';
import { repositoryIndex, repositoryLoad, repositoryUnload } from './repository.ts';
import { readRequest } from './request.ts';
import { statisticsDocument } from './statistics.ts';

const extensions = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'parameters',
  'schedule_policy',
  'statistics',
];

/** Extensions of Triton that need what this is not: told so, where another address would just be unknown. */
const notServed: Record<string, string> = {
  systemsharedmemory: 'the shared-memory extension is not served: send the data itself',
  cudasharedmemory: 'the shared-memory extension is not served: send the data itself',
  logging: 'the logging extension is not served',
  trace: 'the trace extension is not served',
};

/** Open Inference Protocol v2 over REST (KServe), with the extensions of Triton that `GET /v2` lists. */
export const openInference: HttpProtocol = {
  owns: ([root]) => root === 'v2',
  route: (method, path) => {
    const [, area, ...rest] = path;
    switch (area) {
      case undefined:
      case '':
        return rest.length > 0 ? undefined : query(method, path, 'server', () => jsonAnswer(serverMetadata));
      case 'health':
        return healthRoute(method, path, rest);
      case 'models':
        return modelsRoute(method, path, rest);
      case 'repository':
        return repositoryRoute(method, path, rest);
      default:
        if (Object.hasOwn(notServed, area)) {
          throw new CoveyError('UNSUPPORTED', notServed[area] ?? area);
        }
        return undefined;
    }
  },
  errorAnswer: (error) => errorAnswer(error, { error: error.message }),
};

/** Server metadata (Open Inference Protocol v2). */
export const serverMetadata = { name: 'covey', version: packageJson.version, extensions };

function query(
  method: string,
  path: readonly string[],
  reach: Reach,
  answer: (engine: Engine) => Answer,
): Handling {
  checkMethod(method, path, 'GET');
  return { kind: 'query', reach, answer };
}

/** Health answers have no body; what is not ready is 400, as Triton has it. */
function healthAnswer(healthy: boolean): Answer {
  return emptyAnswer(healthy ? 200 : 400);
}

function healthRoute(method: string, path: readonly string[], [which, ...more]: string[]) {
  if (more.length > 0) return undefined;
  if (which === 'live') return query(method, path, 'server', () => healthAnswer(true));
  return which === 'ready'
    ? query(method, path, 'server', (engine) => healthAnswer(engine.isReady()))
    : undefined;
}

function modelsRoute(method: string, path: readonly string[], rest: string[]): Handling | undefined {
  const [model, ...below] = rest;
  if (!model) return undefined;
  if (model === 'stats' && below.length === 0) {
    return query(method, path, 'models', (engine) => jsonAnswer(statisticsDocument(engine.statistics())));
  }
  const [versions, version, ...further] = below;
  if (versions !== 'versions') return modelRoute(method, path, { model, version: undefined }, below);
  return version ? modelRoute(method, path, { model, version }, further) : undefined;
}

function modelRoute(
  method: string,
  path: readonly string[],
  { model, version }: { model: string; version: string | undefined },
  [action, ...more]: string[],
): Handling | undefined {
  const selector = { model, version, key: undefined };
  if (more.length > 0) return undefined;
  switch (action) {
    case undefined:
      return query(method, path, { model }, (engine) =>
        jsonAnswer(modelMetadata(engine.route(selector).model, engine.repository.index())),
      );
    case 'ready':
      return query(method, path, { model }, (engine) => healthAnswer(isReady(() => engine.route(selector))));
    case 'stats':
      return query(method, path, { model }, (engine) =>
        jsonAnswer(statisticsDocument(engine.statistics(model, version))),
      );
    case 'config':
      return query(method, path, { model }, (engine) =>
        jsonAnswer(modelConfig(engine.route(selector).model)),
      );
    case 'infer':
      checkMethod(method, path, 'POST');
      return inference(model, version);
    case 'profile':
      checkMethod(method, path, 'POST');
      return {
        kind: 'document',
        reach: 'administration',
        answer: (engine, json) => profileAnswer(engine, selector, json),
      };
    default:
      return undefined;
  }
}

/** Triton tells a model that it does not know from one that is not ready no more than by 400. */
function isReady(route: () => unknown): boolean {
  try {
    route();
    return true;
  } catch (error) {
    if (error instanceof CoveyError) return false;
    throw error;
  }
}

function inference(model: string, version: string | undefined): InferenceHandling {
  return {
    kind: 'infer',
    model,
    version,
    jsonBytes: inferenceHeaderLength,
    read: (body, servable) => {
      const request = readRequest(body, servable.model);
      const { inputs, priority, timeoutMs } = request;
      return { inputs, priority, timeoutMs, answer: (reply) => inferenceAnswer(reply, request) };
    },
  };
}

/** The value of Inference-Header-Content-Length: undefined when the body is JSON alone. */
function inferenceHeaderLength(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['inference-header-content-length'];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{1,10}$/.test(value)) {
    throw new CoveyError('INPUT_INVALID', 'header Inference-Header-Content-Length must be a number of bytes');
  }
  if (Number(value) > limits.inferenceHeaderBytes) {
    const message = `the JSON header has ${value} bytes, the limit is ${limits.inferenceHeaderBytes}`;
    throw new CoveyError('PAYLOAD_TOO_LARGE', message);
  }
  return Number(value);
}

function repositoryRoute(method: string, path: readonly string[], rest: string[]): Handling | undefined {
  const [what, model, action, ...more] = rest;
  if (what === 'index' && model === undefined) {
    checkMethod(method, path, 'POST');
    return { kind: 'document', reach: 'models', answer: repositoryIndex };
  }
  if (what !== 'models' || !model || more.length > 0) return undefined;
  const change = action === 'load' ? repositoryLoad : action === 'unload' ? repositoryUnload : undefined;
  if (change === undefined) return undefined;
  checkMethod(method, path, 'POST');
  return { kind: 'document', reach: 'repository', answer: (engine, json) => change(engine, model, json) };
}
