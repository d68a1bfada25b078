import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoveyError, type ModelSchema, type Provider } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import { openExactly } from './session.ts';
import { Throwaway } from './throwaway.ts';
import { warmUp, zeros } from './warm.ts';

/** Asked of a throwaway process. */
export interface ProfileRequest {
  type: 'profile';
  path: string;
  schema: ModelSchema;
  provider: Provider;
  threads: number;
  /** What is run, in turn; zeros where there are none. */
  samples: readonly Tensors[];
  durationMs: number;
}

/** One operator on one provider, over all its nodes and runs. */
export interface OperatorTime {
  operator: string;
  provider: string;
  nodes: number;
  runs: number;
  totalMs: number;
  /** Of the time of all operators. */
  share: number;
}

export interface Profile {
  runs: number;
  /** Of a run, while profiled. */
  meanRunMs: number;
  /** Slowest first. */
  operators: OperatorTime[];
  /** What ONNX Runtime wrote, in the Trace Event Format: chrome://tracing and Perfetto show it. */
  trace: string;
}

/** ONNX Runtime writes some 200 bytes a node and run. */
const runsAtMost = 200;
/** Loading and warming, besides the runs. */
const extraMs = 60_000;

/**
 * Runs a model with ONNX Runtime's profiling in a process of its own, of lower priority than what serves, for `durationMs` or 200
 * runs. Errors: those of openExactly, INFERENCE_FAILED, RUNTIME_DIED, DEADLINE_EXCEEDED.
 */
export async function profileModel(request: Omit<ProfileRequest, 'type'>): Promise<Profile> {
  const child = new Throwaway();
  try {
    return await child.ask<Profile>({ type: 'profile', ...request }, request.durationMs + extraMs);
  } finally {
    await child.close();
  }
}

/** The throwaway process's side. */
export async function runProfile(request: ProfileRequest): Promise<Profile> {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const { path, schema, samples, durationMs } = request;
  const inputs = samples.length > 0 ? samples : [zeros(schema)];
  // Not in the profile: what the first runs do once.
  const warm = await openExactly(path, schema, request);
  await warmUp((tensors) => warm.run(tensors), schema);
  await warm.release();
  const folder = await mkdtemp(join(tmpdir(), 'covey-profile-'));
  try {
    const session = await openExactly(path, schema, { ...request, profilePrefix: join(folder, 'profile') });
    const startedMs = performance.now();
    let runs = 0;
    do {
      await session.run(inputs[runs % inputs.length] ?? {});
      runs++;
    } while (runs < runsAtMost && performance.now() - startedMs < durationMs);
    const meanRunMs = (performance.now() - startedMs) / runs;
    // It writes the rest of the file when it ends.
    await session.release();
    const [name] = await readdir(folder);
    if (name === undefined) throw new CoveyError('INTERNAL', 'ONNX Runtime has written no profile');
    const trace = await readFile(join(folder, name), 'utf8');
    return { runs, meanRunMs, operators: operatorTimes(JSON.parse(trace) as TraceEvent[]), trace };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface TraceEvent {
  cat?: string;
  name?: string;
  /** Microseconds. */
  dur?: number;
  args?: { op_name?: string; provider?: string };
}

/** Sums the events of nodes' kernels by operator and provider. */
export function operatorTimes(events: readonly TraceEvent[]): OperatorTime[] {
  const found = new Map<string, Omit<OperatorTime, 'nodes' | 'share'> & { names: Set<string> }>();
  for (const { cat, name = '', dur = 0, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
    const { op_name: operator = 'unknown', provider = 'unknown' } = args ?? {};
    const key = `${operator} ${provider}`;
    const entry = found.get(key) ?? { operator, provider, runs: 0, totalMs: 0, names: new Set<string>() };
    entry.runs++;
    entry.totalMs += dur / 1_000;
    entry.names.add(name);
    found.set(key, entry);
  }
  const sumMs = [...found.values()].reduce((sum, { totalMs }) => sum + totalMs, 0);
  return [...found.values()]
    .map(({ names, ...entry }) => ({
      ...entry,
      nodes: names.size,
      share: sumMs === 0 ? 0 : entry.totalMs / sumMs,
    }))
    .sort((a, b) => b.totalMs - a.totalMs);
}
