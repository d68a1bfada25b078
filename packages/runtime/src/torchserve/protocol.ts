import type { IncomingHttpHeaders } from 'node:http';
import type { CoveyError, ErrorCode } from '@covey/protocol';
import {
  checkMethod,
  errorAnswer,
  type HttpProtocol,
  type InferenceHandling,
  jsonAnswer,
} from '../http/index.ts';
import { predictionAnswer } from './answer.ts';
import { readPrediction } from './request.ts';

/** What TorchServe calls errors that it tells apart; the others go by their status. */
const types: Partial<Record<ErrorCode, string>> = {
  MODEL_UNKNOWN: 'ModelNotFoundException',
  NOT_FOUND: 'ResourceNotFoundException',
  METHOD_NOT_ALLOWED: 'MethodNotAllowedException',
  PAYLOAD_TOO_LARGE: 'RequestEntityTooLargeException',
};

/** TorchServe's inference API: predictions and ping. */
export const torchServe: HttpProtocol = {
  owns: ([root]) => root === 'ping' || root === 'predictions',
  route: (method, path) => {
    const [root, model, version, ...more] = path;
    if (root === 'ping') {
      if (model !== undefined) return undefined;
      checkMethod(method, path, 'GET');
      return {
        kind: 'query',
        reach: 'server',
        answer: (engine) =>
          engine.isReady() ? jsonAnswer({ status: 'Healthy' }) : jsonAnswer({ status: 'Unhealthy' }, 500),
      };
    }
    if (!model || version === '' || more.length > 0) return undefined;
    // `curl -T file` puts.
    checkMethod(method, path, 'POST', 'PUT');
    return prediction(model, version);
  },
  errorAnswer: (error) =>
    errorAnswer(error, { code: error.status, type: typeOf(error), message: error.message }),
};

function typeOf({ code, status }: CoveyError): string {
  const known = types[code];
  if (known !== undefined) return known;
  if (status === 503) return 'ServiceUnavailableException';
  return status >= 500 ? 'InternalServerException' : 'BadRequestException';
}

function prediction(model: string, version: string | undefined): InferenceHandling {
  return {
    kind: 'infer',
    model,
    version,
    jsonBytes: (headers) => (isJson(headers) ? undefined : 0),
    read: (body, servable, headers) => {
      const { inputs, isOneInstance } = readPrediction(body, servable.model, headers['content-type'] ?? '');
      return {
        inputs,
        priority: 0,
        timeoutMs: undefined,
        answer: (reply) => predictionAnswer(reply, isOneInstance),
      };
    },
  };
}

function isJson(headers: IncomingHttpHeaders): boolean {
  return /^\s*application\/json\b/i.test(headers['content-type'] ?? '');
}
