import { open, tensor, type WebRuntime } from '@covey/runtime/browser';
import type { InferenceSession, Tensor } from 'onnxruntime-web';

/** The program of a page that runs a model in ONNX Runtime alone, in its own thread, and through the runtime, in turns. */

interface Contest {
  url: string;
  sha256: string;
  provider: 'cpu' | 'webgpu';
  threads: number;
  input: string;
  shape: number[];
  output: string;
}

type Run = () => Promise<Float32Array>;
const unprepared: Run = () => Promise.reject(new Error('nothing is prepared'));
const contestants = { bare: unprepared, ours: unprepared };

function valuesOf(shape: number[]): Float32Array<SharedArrayBuffer> {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = new Float32Array(new SharedArrayBuffer(count * 4));
  for (let i = 0; i < count; i++) values[i] = Math.sin(i);
  return values;
}

async function prepareBare({ url, provider, threads, input, shape, output }: Contest): Promise<number> {
  const startedMs = performance.now();
  const ort = await (provider === 'cpu' ? import('onnxruntime-web/wasm') : import('onnxruntime-web/webgpu'));
  const build = provider === 'cpu' ? '' : '.asyncify';
  const at = (ending: string) =>
    new URL(`/assets/ort-wasm-simd-threaded${build}.${ending}`, location.href).href;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = { mjs: at('mjs'), wasm: at('wasm') };
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const options = { executionProviders: [provider === 'cpu' ? 'wasm' : 'webgpu'] };
  const session: InferenceSession = await ort.InferenceSession.create(bytes, options);
  const feeds: Record<string, Tensor> = {
    [input]: new ort.Tensor('float32', new Float32Array(valuesOf(shape)), shape),
  };
  contestants.bare = async () => (await session.run(feeds, [output]))[output]?.data as Float32Array;
  await contestants.bare();
  return performance.now() - startedMs;
}

async function prepareOurs({
  url,
  sha256,
  provider,
  threads,
  input,
  shape,
  output,
}: Contest): Promise<{ runtime: WebRuntime; openedMs: number }> {
  const startedMs = performance.now();
  const variants = [{ name: 'fp32', url, sha256 }];
  const runtime = await open(
    [{ name: 'm', variants, provider, threads, settings: { batching: { maxBatchSize: 1 } } }],
    {
      workerUrl: '/covey-worker.js',
      assetsUrl: '/assets',
      runTimeoutMs: 120_000,
    },
  );
  const openedMs = performance.now() - startedMs;
  const inputs = { [input]: tensor(valuesOf(shape), shape) };
  contestants.ours = async () => {
    const { outputs } = await runtime.infer('m', inputs);
    const data = outputs[output]?.data ?? new Uint8Array();
    return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  };
  return { runtime, openedMs };
}

async function timed(run: Run, runs: number): Promise<number> {
  const startedMs = performance.now();
  for (let i = 0; i < runs; i++) await run();
  return (performance.now() - startedMs) / runs;
}

const actions = {
  /** Milliseconds until the runtime's model was open and had run, the first time here and again; and until a bare session had. */
  prepare: async (contest: Contest) => {
    const first = await prepareOurs(contest);
    await first.runtime.close();
    const again = await prepareOurs(contest);
    const bareMs = await prepareBare(contest);
    const [alone, served] = [await contestants.bare(), await contestants.ours()];
    const worst = Math.max(...served.map((value, i) => Math.abs(value - (alone[i] ?? Number.NaN))));
    if (!(worst < 1e-3)) throw new Error(`the runtime's answer is off by ${worst}`);
    return { firstMs: first.openedMs, againMs: again.openedMs, bareMs };
  },
  /** Means of `runs` runs of each, the first one first in every other round. */
  round: async (index: number, runs: number) => {
    const means = { bareMs: 0, oursMs: 0 };
    const turns = [
      async () => (means.bareMs = await timed(contestants.bare, runs)),
      async () => (means.oursMs = await timed(contestants.ours, runs)),
    ];
    for (const turn of index % 2 === 0 ? turns : turns.toReversed()) await turn();
    return means;
  },
};
Object.assign(globalThis, { covey: actions });
