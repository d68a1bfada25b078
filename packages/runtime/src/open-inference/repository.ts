import { CoveyError } from '@covey/protocol';
import type { Engine } from '../engine/index.ts';
import { type Answer, emptyAnswer, jsonAnswer, parseJson } from '../http/index.ts';

/** Model repository extension: every version the device holds. Errors: INVALID_DOCUMENT. */
export async function repositoryIndex(engine: Engine, json: Buffer): Promise<Answer> {
  const { ready } = objectOf(json);
  if (ready !== undefined && typeof ready !== 'boolean') {
    throw new CoveyError('INVALID_DOCUMENT', 'repository request: ready must be true or false');
  }
  const entries = engine.repository.index();
  return jsonAnswer(ready === true ? entries.filter(({ state }) => state === 'READY') : entries);
}

/** Errors: MODEL_UNKNOWN, UNSUPPORTED, and those of loading. */
export async function repositoryLoad(engine: Engine, model: string, json: Buffer): Promise<Answer> {
  const [parameter] = Object.keys(parametersOf(json));
  if (parameter !== undefined) {
    const message = `load takes no ${parameter.slice(0, 100)}: what a device loads is decided by its release`;
    throw new CoveyError('UNSUPPORTED', message);
  }
  await engine.repository.load(model);
  return emptyAnswer(200);
}

/** `unload_dependents` is accepted: nothing here is loaded along with another model. Errors: MODEL_UNKNOWN. */
export async function repositoryUnload(engine: Engine, model: string, json: Buffer): Promise<Answer> {
  const parameter = Object.keys(parametersOf(json)).find((name) => name !== 'unload_dependents');
  if (parameter !== undefined) {
    throw new CoveyError('UNSUPPORTED', `unload takes no parameter ${parameter.slice(0, 100)}`);
  }
  await engine.repository.unload(model);
  return emptyAnswer(200);
}

function parametersOf(json: Buffer): Record<string, unknown> {
  const { parameters } = objectOf(json);
  return parameters === undefined ? {} : recordOf(parameters, 'repository request: parameters');
}

/** A body may be empty. */
function objectOf(json: Buffer): Record<string, unknown> {
  return json.byteLength === 0
    ? {}
    : recordOf(parseJson(json, 'repository request', false), 'repository request');
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new CoveyError('INVALID_DOCUMENT', `${what} must be an object`);
}
