import { existsSync, readFileSync } from 'node:fs';
import { noChromium, openPage, startChromium } from '../journeys/chromium.ts';
import { openSite, type Site } from '../journeys/site.ts';
import type { Figure, Result } from './figures.ts';
import { type BenchmarkModel, faceDetector, mnist } from './models.ts';
import { ratioOf, spreadOf } from './statistics.ts';

/** A model on one provider with so many threads, in a page of its own. */
interface Contest {
  model: BenchmarkModel;
  provider: 'cpu' | 'webgpu';
  threads: number;
  rounds: number;
  runsPerRound: number;
}

const contests: Contest[] = [
  { model: mnist, provider: 'cpu', threads: 1, rounds: 60, runsPerRound: 20 },
  { model: mnist, provider: 'cpu', threads: 2, rounds: 60, runsPerRound: 20 },
  { model: faceDetector, provider: 'cpu', threads: 1, rounds: 30, runsPerRound: 3 },
  { model: faceDetector, provider: 'cpu', threads: 2, rounds: 30, runsPerRound: 3 },
  // In software: for orientation.
  { model: mnist, provider: 'webgpu', threads: 1, rounds: 10, runsPerRound: 2 },
];

/** A busy machine shall not take all day. */
const longestMs = 10_000;
const fewestRounds = 8;

/** Models in a page of Chromium against a session of onnxruntime-web in the page's own thread; and what a page loads. */
export async function benchmarkBrowser(): Promise<Result> {
  const benchmark = 'browser';
  if (noChromium !== '') return { benchmark, skipped: 'there is no Chromium' };
  const absent = [mnist, faceDetector].find(({ path }) => !existsSync(path));
  if (absent) return { benchmark, skipped: `there is no ${absent.path}` };
  const site = await openSite('bench');
  const browser = await startChromium();
  try {
    const figures: Figure[] = [];
    for (const contest of contests) {
      const { tab, ask } = await openPage(browser, site.url);
      figures.push(...(await race(contest, site, ask)));
      await tab.close();
    }
    return { benchmark, figures: [...figures, ...sizesOf(site)] };
  } finally {
    await browser.close();
    await site.close();
  }
}

type Ask = Awaited<ReturnType<typeof openPage>>['ask'];

async function race(
  { model, provider, threads, rounds, runsPerRound }: Contest,
  site: Site,
  ask: Ask,
): Promise<Figure[]> {
  const { name, path, schema } = model;
  const [input, output] = [schema.inputs[0], schema.outputs[0]];
  const opened = await ask<{ firstMs: number; againMs: number; bareMs: number }>('prepare', {
    ...site.put(`${name}.onnx`, readFileSync(path)),
    ...{ provider, threads, input: input?.name, shape: input?.shape, output: output?.name },
  });
  const [bare, ours]: [number[], number[]] = [[], []];
  const untilMs = performance.now() + longestMs;
  for (let round = -1; round < rounds; round++) {
    if (round >= fewestRounds && performance.now() > untilMs) break;
    const { bareMs, oursMs } = await ask<{ bareMs: number; oursMs: number }>(
      'round',
      round + 1,
      runsPerRound,
    );
    if (round < 0) continue;
    bare.push(bareMs);
    ours.push(oursMs);
  }
  const way = provider === 'cpu' ? `${threads} ${threads === 1 ? 'thread' : 'threads'}` : provider;
  return [
    { name: `${name}, ${way}: onnxruntime-web`, value: spreadOf(bare), unit: 'ms' },
    {
      name: `${name}, ${way}: runtime`,
      value: spreadOf(ours),
      unit: 'ms',
      baseline: { name: 'onnxruntime-web', ratio: ratioOf(ours, bare) },
    },
    { name: `${name}, ${way}: session and first run`, value: spreadOf([opened.bareMs]), unit: 'ms' },
    { name: `${name}, ${way}: first open`, value: spreadOf([opened.firstMs]), unit: 'ms' },
    { name: `${name}, ${way}: next open`, value: spreadOf([opened.againMs]), unit: 'ms' },
  ];
}

function sizesOf(site: Site): Figure[] {
  const files = {
    'script of the worker': '/covey-worker.js',
    'script of a page, all of it the runtime': '/smallest.js',
    'WebAssembly for the CPU': '/assets/ort-wasm-simd-threaded.wasm',
    'WebAssembly for WebGPU': '/assets/ort-wasm-simd-threaded.asyncify.wasm',
  };
  return Object.entries(files).map(([name, path]) => ({
    name,
    value: spreadOf([site.sizeOf(path)]),
    unit: 'bytes',
  }));
}
