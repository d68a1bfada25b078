import {
  type CoveyError,
  limits,
  type ModelVersionRef,
  type ProbeResult,
  type Provider,
} from '@covey/protocol';
import { median } from '../measure/index.ts';
import type { Entry } from './competition.ts';
import { trimmedInterval } from './interval.ts';

/** One side of a two-sided interval that holds with 95 % confidence. */
const tail = 0.025;

/**
 * What is reported of the entries, in their order: figures, and in words why each was chosen or not. `missing` says why a
 * provider does not work here.
 */
export function resultsOf(
  { model, version }: ModelVersionRef,
  entries: readonly Entry[],
  chosen: Entry | null,
  missing: Partial<Record<Provider, string | null>> = {},
): ProbeResult[] {
  return entries.map((entry) => {
    const { variant, spec, check, failure, placement } = entry;
    const timed = longestHeat(entry);
    return {
      model,
      version,
      variant,
      provider: spec.provider,
      threads: spec.threads,
      ok: failure === null,
      reason: reasonOf(entry, entries, chosen, missing).slice(0, limits.reasonChars),
      maxError: check?.maxError ?? null,
      latencyMs: median(timed),
      ...(timed.length > 0 && { latencyIntervalMs: intervalMs(timed) }),
      memoryBytes: check?.memoryBytes ?? null,
      ...(placement && placement.length > 0 && { placement }),
      chosen: entry === chosen,
    };
  });
}

/** `int8-qdq on cpu, 2 threads`. */
function nameOf({ variant, spec: { provider, threads } }: Entry): string {
  return provider === 'cpu'
    ? `${variant} on cpu, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
    : `${variant} on ${provider}`;
}

function reasonOf(
  entry: Entry,
  entries: readonly Entry[],
  chosen: Entry | null,
  missing: Partial<Record<Provider, string | null>>,
): string {
  if (entry.failure) return failureOf(entry.failure);
  if (entry !== chosen) return loserReason(entry, chosen);
  const parts = [
    ...comparedWithFirst(entry, entries),
    ...otherProviders(entry, entries),
    ...Object.entries(missing).flatMap(([provider, why]) =>
      why === null ? [] : [`${provider} does not work here: ${why.slice(0, 200)}`],
    ),
  ];
  return `${nameOf(entry)}: ${parts.join('; ')}`;
}

function failureOf({ code, message }: CoveyError): string {
  return `${code}: ${message}`;
}

function loserReason(entry: Entry, chosen: Entry | null): string {
  const ratio = chosen && ratioOf(entry, chosen);
  if (!ratio) return 'right, but it was not timed';
  const { mean, low, high } = ratio;
  const figures = `${shown(mean)} times the latency of the chosen`;
  const interval = low === null || high === null ? '' : ` (${shown(low)} to ${shown(high)})`;
  const tie = low !== null && low <= 1 ? ': as fast, within what was measured' : '';
  return `${figures}${interval}${tie}${onTheCpu(entry)}`;
}

/** What a provider left to the CPU: each crossing costs time. */
function onTheCpu({ placement = [] }: Entry): string {
  const total = placement.reduce((sum, { nodes }) => sum + nodes, 0);
  const left = placement.find(({ provider }) => provider === 'cpu');
  if (!left) return '';
  return `; ${left.nodes} of its ${total} nodes ran on the CPU (${Object.keys(left.operators).join(', ')})`;
}

/** The first variant on the CPU with one thread is what everybody starts from. */
function comparedWithFirst(chosen: Entry, entries: readonly Entry[]): string[] {
  const first = entries.find(
    ({ spec, heats }) => spec.provider === 'cpu' && spec.threads === 1 && heats.size > 0,
  );
  const ratio = first && first !== chosen ? ratioOf(chosen, first) : null;
  if (longestHeat(chosen).length === 0) return ['the first that is right; nothing was timed'];
  return first && ratio ? [`${shown(ratio.mean)} of the latency of ${nameOf(first)}`] : ['the fastest'];
}

/** The best of each provider that was not chosen, or why it is none. */
function otherProviders(chosen: Entry, entries: readonly Entry[]): string[] {
  const others = entries.filter(({ spec }) => spec.provider !== chosen.spec.provider);
  return [...new Set(others.map(({ spec }) => spec.provider))].flatMap((provider) => {
    const own = others.filter(({ spec }) => spec.provider === provider);
    const ratios = own.flatMap((entry) => ratioOf(entry, chosen)?.mean ?? []);
    if (ratios.length > 0) return [`${provider} was ${shown(Math.min(...ratios))} times as slow`];
    const failure = own[0]?.failure;
    return failure ? [`${provider} did not do: ${failure.message.slice(0, 200)}`] : [];
  });
}

interface Ratio {
  mean: number;
  low: number | null;
  high: number | null;
}

/** Of rounds that both ran, where they met; of medians, without an interval, where they did not. */
function ratioOf(entry: Entry, other: Entry): Ratio | null {
  const common = [...entry.heats.keys()].filter((heat) => other.heats.has(heat)).at(-1);
  if (common === undefined) {
    const [own, others] = [median(longestHeat(entry)), median(longestHeat(other))];
    return own === null || others === null ? null : { mean: own / others, low: null, high: null };
  }
  const [own = [], others = []] = [entry.heats.get(common), other.heats.get(common)];
  const rounds = Math.min(own.length, others.length);
  const logs = own.slice(0, rounds).map((value, round) => Math.log(value / (others[round] ?? Number.NaN)));
  const { mean, low, high } = trimmedInterval(logs, tail);
  return { mean: Math.exp(mean), low: boundOf(low), high: boundOf(high) };
}

function boundOf(log: number): number | null {
  return Number.isFinite(log) ? Math.exp(log) : null;
}

/** The one that says most of an entry alone. */
function longestHeat({ heats }: Entry): number[] {
  return [...heats.values()].reduce((longest, heat) => (heat.length > longest.length ? heat : longest), []);
}

/**
 * Holds the median with 95 % confidence, whatever the distribution: order statistics by the normal approximation of the sign
 * test. Of fewer than six latencies, their range.
 */
function intervalMs(latenciesMs: readonly number[]): [number, number] {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const count = sorted.length;
  const below = Math.max(0, Math.floor(count / 2 - 0.98 * Math.sqrt(count)));
  return [sorted[below] ?? Number.NaN, sorted[count - 1 - below] ?? Number.NaN];
}

function shown(ratio: number): string {
  return ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2);
}
