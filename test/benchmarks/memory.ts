import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleVersion } from '@covey/example';
import type { LoadedModel } from '@covey/protocol';
import { publishExample } from '../journeys/example.ts';
import { startTestFleet, temporaryFolder } from '../journeys/harness.ts';
import { openConnection } from './connection.ts';
import { startDevice } from './device.ts';
import type { Figure, Result } from './figures.ts';
import {
  bareEnvironment,
  firstAnswer,
  type Installed,
  install,
  type RunningAgent,
  startInstalledAgent,
} from './installed.ts';
import { inferenceRequest, loadedModel } from './models.ts';
import { endOf, startProgram } from './program.ts';
import { childrenOf, proportionalSetSizeMb } from './resident.ts';
import { ratioOf, type Spread, spreadOf } from './statistics.ts';

const starts = 4;
const settleMs = 2_000;
const phaseMs = 3_000;
const sampleMs = 250;
const requestsPerSecond = 25;
const parallelConnections = 4;
const longestWaitMs = 60_000;

type Cache = 'without compile cache' | 'warm compile cache';

/** Memory and start-up of agent and runtime out of the artifact, serving the example to a real controller's content. */
export async function benchmarkMemory(): Promise<Result> {
  if (process.platform !== 'linux')
    return { benchmark: 'memory', skipped: 'it reads /proc, which Linux has' };
  const folder = temporaryFolder();
  const stack = new AsyncDisposableStack();
  stack.defer(async () => rmSync(folder, { recursive: true, force: true }));
  try {
    const installed = install(join(folder, 'installed'));
    const model = writeExample(folder);
    const floors = await measureFloors(installed, model);
    const fleet = await startTestFleet(0);
    stack.defer(() => fleet.stop());
    const data = join(folder, 'device');
    const { token } = await fleet.json<{ token: string }>('token', 'create');
    execFileSync(installed.covey, ['enroll', '--data', data, '--id', 'bench-1'], {
      input: token,
      env: bareEnvironment(),
    });
    const agent = await startInstalledAgent(installed, data, bareEnvironment());
    try {
      await publishExample(fleet.data, '1.1.0');
      await fleet.json('rollout', 'start', 'bearing@1.1.0', '--samples', '1', '--soak', '2s', '--wait');
    } finally {
      await agent.stop();
    }
    const startup = await measureStartup(installed, data, join(folder, 'cache'), model, floors.startMs);
    const figures = [...floors.figures, ...startup];
    for (const cache of ['without compile cache', 'warm compile cache'] as const) {
      const env = environmentOf(cache, join(folder, 'cache'));
      figures.push(...(await measurePhases(installed, data, env, cache, floors.pairMb)));
    }
    return { benchmark: 'memory', figures };
  } finally {
    await stack.disposeAsync();
  }
}

function environmentOf(cache: Cache, folder: string): NodeJS.ProcessEnv {
  return bareEnvironment(cache === 'warm compile cache' ? folder : undefined);
}

/** The example's fp32 variant as a file, for processes that have no agent. */
function writeExample(folder: string): LoadedModel {
  const { schema, variants } = exampleVersion('1.1.0');
  const path = join(folder, 'bearing.onnx');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, variants[0]?.bytes ?? new Uint8Array());
  return loadedModel('bearing', path, schema);
}

function exampleRequests(): Buffer[] {
  return exampleVersion('1.1.0').goldenInputs.map((inputs) => inferenceRequest('bearing', inputs));
}

/** Two processes with nothing of ours in them: Node alone, and Node with the model in ONNX Runtime. */
async function measureFloors(
  { node, emptyProcessModule, bareModule }: Installed,
  { path, schema }: LoadedModel,
): Promise<{ figures: Figure[]; pairMb: number; startMs: number[] }> {
  const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size'];
  const options = { execPath: node, nodeFlags, env: bareEnvironment() };
  const startMs: number[] = [];
  for (let start = 0; start < starts; start++) {
    const startedMs = performance.now();
    const program = startProgram(emptyProcessModule, options);
    await program.hear();
    startMs.push(performance.now() - startedMs);
    await program.stop();
  }
  const alone = startProgram(emptyProcessModule, options);
  await alone.hear();
  const withModel = startProgram(bareModule, options);
  await withModel.ask({ path, schema, inputCount: 1, options: 'device' });
  const sizes = await sample([alone.child.pid ?? 0, withModel.child.pid ?? 0], 1_000);
  await Promise.all([alone.stop(), withModel.stop()]);
  const total = spreadOf(sizes.total);
  const figure: Figure = { name: 'floor: bare node + node with the bare model', value: total, unit: 'MB' };
  return { figures: [figure], pairMb: total.median, startMs };
}

/** Starts with and without the compile cache take turns. The first with it fills it and is not counted. */
async function measureStartup(
  installed: Installed,
  data: string,
  cacheFolder: string,
  model: LoadedModel,
  floorMs: number[],
): Promise<Figure[]> {
  const [request = Buffer.alloc(0)] = exampleRequests();
  const floor = { name: 'bare node', value: spreadOf(floorMs).median };
  const times: Record<Cache, Record<'runtime' | 'agent' | 'answer', number[]>> = {
    'without compile cache': { runtime: [], agent: [], answer: [] },
    'warm compile cache': { runtime: [], agent: [], answer: [] },
  };
  for (let start = -1; start < starts; start++) {
    for (const cache of ['without compile cache', 'warm compile cache'] as const) {
      const env = environmentOf(cache, cacheFolder);
      const device = await startDevice(installed.runtimeModule, model, { execPath: installed.node, env });
      await endOf(device.program.child, () => device.program.child.disconnect());
      const agent = await startInstalledAgent(installed, data, env);
      const answerMs = agent.readyMs + (await firstAnswer(agent.inferenceUrl, request, longestWaitMs));
      await agent.stop();
      if (cache === 'warm compile cache' && compiledFiles(cacheFolder) === 0)
        throw new Error('the compile cache is empty: nothing was warm');
      if (start < 0) continue;
      times[cache].runtime.push(device.readyMs);
      times[cache].agent.push(agent.readyMs);
      times[cache].answer.push(answerMs);
    }
  }
  const names = {
    runtime: 'start of the runtime alone, listening',
    agent: 'start of agent and runtime, listening',
    answer: 'start of agent and runtime, first answer',
  };
  return (['runtime', 'agent', 'answer'] as const).flatMap((what) => {
    const cold = times['without compile cache'][what];
    const warm = times['warm compile cache'][what];
    const ratio = { name: 'without compile cache', ratio: ratioOf(warm, cold) };
    return [
      { name: `${names[what]}, without compile cache`, value: spreadOf(cold), unit: 'ms', floor },
      {
        name: `${names[what]}, warm compile cache`,
        value: spreadOf(warm),
        unit: 'ms',
        baseline: ratio,
        floor,
      },
    ] satisfies Figure[];
  });
}

function compiledFiles(cacheFolder: string): number {
  return readdirSync(cacheFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .length;
}

/** Memory without requests, at a steady rate and at full load, of one life of the agent. */
async function measurePhases(
  installed: Installed,
  data: string,
  env: NodeJS.ProcessEnv,
  cache: Cache,
  floorMb: number,
): Promise<Figure[]> {
  const agent = await startInstalledAgent(installed, data, env);
  try {
    const requests = exampleRequests();
    await firstAnswer(agent.inferenceUrl, requests[0] ?? Buffer.alloc(0), longestWaitMs);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const phases: [string, () => Promise<void>][] = [
      ['idle', async () => {}],
      [`at ${requestsPerSecond} requests/s`, () => requestSteadily(agent, requests)],
      ['at full load', () => requestWithoutPause(agent, requests)],
    ];
    const figures: Figure[] = [];
    for (const [name, load] of phases) {
      const [sizes] = await Promise.all([sample([agent.pid, runtimeOf(agent)], phaseMs), load()]);
      figures.push(...phaseFigures(`${name}, ${cache}`, sizes, floorMb));
    }
    return figures;
  } finally {
    await agent.stop();
  }
}

/** The agent's one lasting child; a probe lives only during an update, and none is under way. */
function runtimeOf(agent: RunningAgent): number {
  const [runtime, ...others] = childrenOf(agent.pid);
  if (runtime === undefined || others.length > 0) throw new Error('the agent has not one child');
  return runtime;
}

async function requestSteadily({ inferenceUrl }: RunningAgent, requests: Buffer[]): Promise<void> {
  const connection = await openConnection(inferenceUrl);
  const startedMs = performance.now();
  for (let sent = 0; performance.now() - startedMs < phaseMs; sent++) {
    await connection.exchange(requests[sent % requests.length] ?? Buffer.alloc(0));
    const nextMs = startedMs + ((sent + 1) * 1_000) / requestsPerSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextMs - performance.now())));
  }
  connection.close();
}

async function requestWithoutPause({ inferenceUrl }: RunningAgent, requests: Buffer[]): Promise<void> {
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: parallelConnections }, async () => {
      const connection = await openConnection(inferenceUrl);
      for (let sent = 0; performance.now() - startedMs < phaseMs; sent++)
        await connection.exchange(requests[sent % requests.length] ?? Buffer.alloc(0));
      connection.close();
    }),
  );
}

interface Sizes {
  /** Of every process, megabytes at the same moments. */
  each: number[][];
  total: number[];
}

async function sample(pids: number[], durationMs: number): Promise<Sizes> {
  const sizes: Sizes = { each: pids.map(() => []), total: [] };
  const untilMs = performance.now() + durationMs;
  while (performance.now() < untilMs) {
    const now = pids.map(proportionalSetSizeMb);
    for (const [index, size] of now.entries()) sizes.each[index]?.push(size);
    sizes.total.push(now.reduce((total, size) => total + size, 0));
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
  }
  return sizes;
}

function phaseFigures(
  name: string,
  { each: [agent = [], runtime = []], total }: Sizes,
  floorMb: number,
): Figure[] {
  const ratio: Spread = spreadOf(total.map((size) => size / floorMb));
  return [
    { name: `PSS of the agent, ${name}`, value: spreadOf(agent), unit: 'MB' },
    { name: `PSS of the runtime, ${name}`, value: spreadOf(runtime), unit: 'MB' },
    {
      name: `PSS of both, ${name}`,
      value: spreadOf(total),
      unit: 'MB',
      baseline: { name: 'floor', ratio },
      floor: { name: 'bare processes', value: floorMb },
    },
  ];
}
