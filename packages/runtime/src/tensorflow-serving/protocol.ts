import { CoveyError } from '@covey/protocol';
import type { Engine } from '../engine/index.ts';
import type { Reach } from '../gateway/index.ts';
import {
  type Answer,
  checkMethod,
  errorAnswer,
  type Handling,
  type HttpProtocol,
  type InferenceHandling,
  jsonAnswer,
} from '../http/index.ts';
import { predictionAnswer } from './answer.ts';
import { modelStatus, signatureMetadata } from './metadata.ts';
import { readPredict } from './request.ts';

/**
 * TensorFlow Serving's REST API: predict, model status and metadata. Versions are the numbers of versions, labels are
 * channels. The v1 protocol of KServe asks for predictions in the same form.
 */
export const tensorflowServing: HttpProtocol = {
  owns: ([root]) => root === 'v1',
  route: (method, path) => {
    const [, models, ...rest] = path;
    if (models !== 'models') return undefined;
    if (rest.length === 0) return query(method, path, 'models', listModels);
    const address = addressOf(rest);
    if (address === undefined) return undefined;
    const { model, version, verb } = address;
    switch (verb) {
      case undefined:
        return query(method, path, { model }, (engine) =>
          jsonAnswer(modelStatus(engine.statistics(model, version))),
        );
      case 'metadata':
        return query(method, path, { model }, (engine) =>
          jsonAnswer(signatureMetadata(engine.route({ model, version, key: undefined }).model)),
        );
      case 'predict':
        checkMethod(method, path, 'POST');
        return prediction(model, version);
      case 'classify':
      case 'regress':
        throw new CoveyError('UNSUPPORTED', `${verb} takes tf.Example, which is not served: use predict`);
      default:
        return undefined;
    }
  },
  errorAnswer: (error) => errorAnswer(error, { error: error.message }),
};

interface Address {
  model: string;
  version: string | undefined;
  verb: string | undefined;
}

/** `m`, `m:verb`, `m/metadata`, and the same with `/versions/n` or `/labels/l` after the model. Errors: INVALID_DOCUMENT. */
function addressOf(rest: readonly string[]): Address | undefined {
  const parts = [...rest];
  const isMetadata = parts.length > 1 && parts.at(-1) === 'metadata';
  if (isMetadata) parts.pop();
  const last = parts.pop() ?? '';
  const colon = last.indexOf(':');
  const verb = isMetadata ? 'metadata' : colon < 0 ? undefined : last.slice(colon + 1);
  parts.push(colon < 0 || isMetadata ? last : last.slice(0, colon));
  const [model, by, version, ...more] = parts;
  if (!model || more.length > 0) return undefined;
  if (by === undefined) return { model, version: undefined, verb };
  if (!version || (by !== 'versions' && by !== 'labels')) return undefined;
  if ((by === 'versions') !== /^\d+$/.test(version)) {
    const message = by === 'versions' ? 'versions are integers here' : 'labels are no integers';
    throw new CoveyError('INVALID_DOCUMENT', `${message}, got ${version.slice(0, 100)}`);
  }
  return { model, version, verb };
}

function query(
  method: string,
  path: readonly string[],
  reach: Reach,
  answer: (engine: Engine) => Answer,
): Handling {
  checkMethod(method, path, 'GET');
  return { kind: 'query', reach, answer };
}

/** As KServe's v1 protocol has it; TensorFlow Serving has no such address. */
function listModels(engine: Engine): Answer {
  return jsonAnswer({ models: [...new Set(engine.repository.index().map(({ name }) => name))] });
}

function prediction(model: string, version: string | undefined): InferenceHandling {
  return {
    kind: 'infer',
    model,
    version,
    jsonBytes: () => undefined,
    read: (body, servable) => {
      const { inputs, rows } = readPredict(body.json, servable.model);
      return {
        inputs,
        priority: 0,
        timeoutMs: undefined,
        answer: (reply) => predictionAnswer(reply, rows),
      };
    },
  };
}
