import { toCoveyError } from '@covey/protocol';
import { Tensor } from 'onnxruntime-common';
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
      const { env, InferenceSession } = await moduleOf[provider]();
      const { file, name } = builds[provider];
      env.wasm.numThreads = threads;
      env.wasm.wasmPaths = { mjs: `${assetsUrl}${file}.mjs`, wasm: `${assetsUrl}${file}.wasm` };
      return InferenceSession.create(bytes, {
        executionProviders: [name],
        graphOptimizationLevel: isOptimized ? 'all' : 'disabled',
        logSeverityLevel: fatalOnly,
        ...(strict && provider !== 'cpu' && { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
      });
    },
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
