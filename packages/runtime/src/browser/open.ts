import { type Log, systemClock, webFetch } from '@covey/ports/browser';
import { CoveyError, type ProbeResult } from '@covey/protocol';
import { createEngine } from '../engine/index.ts';
import { engineOptionsOf, openRuntime, type Runtime, type ServingOptions } from '../program/index.ts';
import { Catalogue } from './catalogue.ts';
import type { WebModel } from './model.ts';
import { webPlatform } from './platform.ts';
import { createStore } from './store.ts';

export interface OpenOptions extends ServingOptions {
  /** The script of `@covey/runtime/browser-worker`, bundled; of the page's own origin. */
  workerUrl: string | URL;
  /** The folder that holds the files of `onnxruntime-web`, and `mozjpeg_dec.wasm` where pipelines take JPEG files. */
  assetsUrl: string | URL;
  /** Longest time one inference may take before its worker is given up and replaced. Default one minute. */
  runTimeoutMs?: number;
  /** Time for the measurements of one version that is new here, 8 s unless said. What was not tried by then is not chosen. */
  choiceLimitMs?: number;
  /** What a page would want to know and no call tells: where there is one, `code` is from the error catalogue. */
  onWarning?: (message: string, details: { code?: string; [name: string]: unknown }) => void;
}

/** Models served in a page. */
export interface WebRuntime extends Runtime<WebModel> {
  /** What was measured of the versions that are open, why each was chosen, or why not. */
  choices(): ProbeResult[];
}

/**
 * Serves ONNX files in this page, each in a worker of its own: the thread that calls this computes nothing but the order of
 * requests. Every variant of a version is checked against its golden vectors and timed on each provider that works; the
 * fastest that is right serves. Errors: INVALID_DOCUMENT, UNSUPPORTED (no workers, no secure context), BUNDLE_INCOMPATIBLE
 * (no variant is right here), those of fetching (UNREACHABLE, TIMEOUT, NOT_FOUND, PAYLOAD_TOO_LARGE, BUNDLE_CORRUPT), and of
 * loading (MODEL_INVALID, MODEL_UNSUPPORTED, INFERENCE_FAILED, RUNTIME_DIED).
 */
export async function open(models: readonly WebModel[], options: OpenOptions): Promise<WebRuntime> {
  if (!globalThis.isSecureContext)
    throw new CoveyError('UNSUPPORTED', 'models are served to pages that came over https, or from localhost');
  const { runTimeoutMs, choiceLimitMs: limitMs = 8_000, onWarning } = options;
  const log = warningLog(onWarning ?? (() => {}), 'runtime');
  const platform = webPlatform({
    workerUrl: absolute(options.workerUrl),
    assetsUrl: folder(options.assetsUrl),
  });
  const clock = systemClock;
  const engine = createEngine({
    platform,
    clock,
    log,
    fetch: webFetch,
    ...(runTimeoutMs !== undefined && { runTimeoutMs }),
    ...engineOptionsOf(options),
  });
  const store = createStore({ log, fetch: webFetch });
  const catalogue = new Catalogue(store, { platform, clock, log, limitMs });
  const runtime = await openRuntime(engine, catalogue, models, options.routes);
  return Object.assign(runtime, { choices: () => catalogue.choices() });
}

function absolute(url: string | URL): string {
  return new URL(url, location.href).href;
}

function folder(url: string | URL): string {
  const address = absolute(url);
  return address.endsWith('/') ? address : `${address}/`;
}

function warningLog(onWarning: NonNullable<OpenOptions['onWarning']>, component: string): Log {
  return {
    write: (level, message, fields = {}) => {
      if (level === 'warn' || level === 'error') onWarning(message, { component, ...fields });
    },
    component: (name) => warningLog(onWarning, name),
  };
}
