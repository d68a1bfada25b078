import type { ModelSchema, Provider } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';

/** A model to be profiled. */
export interface ProfileOrder {
  path: string;
  schema: ModelSchema;
  provider: Provider;
  threads: number;
  /** What is run, in turn; zeros where there are none. */
  samples: readonly Tensors[];
  durationMs: number;
}

/** Runs a model with ONNX Runtime's profiling, apart from what serves. */
export type ProfileModel = (order: ProfileOrder) => Promise<Profile>;

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

/** Of the Trace Event Format, what is read here. */
export interface TraceEvent {
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
