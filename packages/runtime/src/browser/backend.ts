import { CoveyError, toCoveyError } from '@covey/protocol';
import { type InferenceSession, Tensor } from 'onnxruntime-common';
import type { Backend, Providers } from '../executor/index.ts';
import { readStored } from './stored.ts';

/** The build of onnxruntime-web's WebAssembly that a provider takes, and the script that loads it. */
const builds = {
  cpu: { file: 'ort-wasm-simd-threaded', name: 'wasm' },
  webgpu: { file: 'ort-wasm-simd-threaded.asyncify', name: 'webgpu' },
} as const;
/** Nothing on the console but fatal faults: every error is in the exception too. */
const fatalOnly = 4;

/**
 * onnxruntime-web, for a worker that loads one model: threads are set once for all sessions of a build. `cpu` is
 * WebAssembly.
 */
export function webBackend(assetsUrl: string): Backend {
  return {
    Tensor,
    listProviders,
    load: async (path, { provider, threads, isOptimized = true, strict = false }) => {
      const bytes = await readStored(path);
      const ort = await moduleOf[provider]();
      const { file, name } = builds[provider];
      ort.env.wasm.numThreads = threads;
      ort.env.wasm.wasmPaths = { mjs: `${assetsUrl}${file}.mjs`, wasm: `${assetsUrl}${file}.wasm` };
      const options: InferenceSession.SessionOptions = {
        executionProviders: [name],
        graphOptimizationLevel: isOptimized ? 'all' : 'disabled',
        logSeverityLevel: fatalOnly,
        ...(strict && provider !== 'cpu' && { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
      };
      return ort.InferenceSession.create(bytes, options).catch((cause: Error) => {
        throw notStarted.test(cause.message) ? unavailable(assetsUrl, cause) : cause;
      });
    },
    // Each worker has a device of its own, and the browser's process for graphics keeps them apart.
    inTurn: (_provider, work) => work(),
    // A trap leaves WebAssembly's memory as it was at that moment.
    isFatal: (error) =>
      error instanceof WebAssembly.RuntimeError || /^Aborted\(|device (?:is|was) lost/i.test(error.message),
  };
}

const moduleOf = {
  cpu: () => import('onnxruntime-web/wasm'),
  webgpu: () => import('onnxruntime-web/webgpu'),
};

/** What onnxruntime-common says before it has looked at a model. */
const notStarted = /^no available backend found/;

function unavailable(assetsUrl: string, cause: Error): CoveyError {
  const message = `ONNX Runtime does not start from the files in ${assetsUrl}: ${cause.message}`;
  return new CoveyError('UNSUPPORTED', message, { cause });
}

/** Looks for an adapter. Never fails. */
export async function listProviders(): Promise<Providers> {
  return { cpu: null, webgpu: await missingWebgpu() };
}

async function missingWebgpu(): Promise<string | null> {
  if (!navigator.gpu) return 'the browser has no WebGPU';
  try {
    return (await navigator.gpu.requestAdapter()) ? null : 'the browser gives no adapter for WebGPU';
  } catch (error) {
    return toCoveyError(error).message;
  }
}
