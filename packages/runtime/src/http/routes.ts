import { CoveyError } from '@covey/protocol';

/** A request that is answered at once. `version` is as the client wrote it. */
export type QueryRoute =
  | { kind: 'server' | 'live' | 'ready' }
  | { kind: 'model' | 'modelReady'; model: string; version: string | undefined };
export type Route = QueryRoute | { kind: 'infer'; model: string; version: string | undefined };

const methods: Record<Route['kind'], 'GET' | 'POST'> = {
  server: 'GET',
  live: 'GET',
  ready: 'GET',
  model: 'GET',
  modelReady: 'GET',
  infer: 'POST',
};

/** The route of a request target. Errors: NOT_FOUND, METHOD_NOT_ALLOWED, INVALID_DOCUMENT (broken percent-encoding). */
export function routeOf(method: string, target: string): Route {
  const [path = ''] = target.split('?', 1);
  const route = routeOfPath(path.split('/').slice(1).map(decodeSegment));
  if (route === undefined) throw new CoveyError('NOT_FOUND', `nothing is served at ${path.slice(0, 200)}`);
  const wanted = methods[route.kind];
  if (method !== wanted && !(method === 'HEAD' && wanted === 'GET')) {
    throw new CoveyError('METHOD_NOT_ALLOWED', `${path.slice(0, 200)} takes ${wanted}, not ${method}`);
  }
  return route;
}

function routeOfPath(segments: string[]): Route | undefined {
  const [root, area, name, ...rest] = segments;
  if (root !== 'v2') return undefined;
  if (area === undefined || (area === '' && name === undefined)) return { kind: 'server' };
  if (area === 'health' && (name === 'live' || name === 'ready') && rest.length === 0) return { kind: name };
  if (area !== 'models' || !name) return undefined;
  const [versions, version, ...below] = rest;
  if (versions === 'versions') return version ? modelRoute(name, version, below) : undefined;
  return modelRoute(name, undefined, rest);
}

function modelRoute(model: string, version: string | undefined, action: string[]): Route | undefined {
  if (action.length === 0) return { kind: 'model', model, version };
  if (action.length > 1) return undefined;
  if (action[0] === 'ready') return { kind: 'modelReady', model, version };
  return action[0] === 'infer' ? { kind: 'infer', model, version } : undefined;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'the address has broken percent-encoding', { cause });
  }
}
