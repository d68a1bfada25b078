import {
  type CoveyError,
  type Measured,
  type ProbeCandidate,
  type ProbeJob,
  type ProbeResult,
  type Provider,
  toCoveyError,
} from '@covey/protocol';
import type { Providers } from '../executor/index.ts';
import type { Files } from '../platform/index.ts';
import { compete, type Entry, type Ground, type Time } from './competition.ts';
import { readGolden, type Vector } from './golden.ts';
import { resultsOf } from './results.ts';
import type { Check, TrialSpec } from './trial.ts';

/** Where it is measured: the device, and its ONNX Runtime. */
export interface Laboratory extends Ground {
  files: Files;
  listProviders(): Promise<Providers>;
  /** Of all that a measurement depends on and that outlasts the process. Another digest, other measurements. */
  hardwareDigest(providers: Providers): Promise<string>;
  /** Worth trying on the CPU. */
  threadCounts: readonly number[];
}

/** Longest wait for a choice made earlier to be right again. */
const recheckMs = 60_000;
/** Of a model's time, what starting may take. */
const startShare = 0.25;
const again = 'measured before on this hardware, right again: ';

/**
 * Tries every variant of every candidate on every provider that works here, each with the thread counts worth trying: loads it,
 * warms it, runs its golden vectors and races it. Per candidate the fastest that is right is `chosen`. What an earlier probe on
 * the same hardware chose is only checked. `beganMs`, on performance.now(), is when the first began to take its time.
 */
export async function probe(
  { candidates, limitMs }: Pick<ProbeJob, 'candidates' | 'limitMs'>,
  laboratory: Laboratory,
  beganMs = performance.now(),
): Promise<Measured> {
  const providers = await laboratory.listProviders();
  const hardware = await laboratory.hardwareDigest(providers);
  const results: ProbeResult[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const nowMs = performance.now();
    // The first pays for the start too; on a machine so busy that this takes long, not with the time that its measurements need.
    const startedMs = index === 0 ? Math.max(beganMs, nowMs - limitMs * startShare) : nowMs;
    const time = { startedMs, limitMs };
    const vectors = await goldenOf(candidate, laboratory.files);
    results.push(
      ...((await checkedAgain(candidate, vectors, hardware, laboratory)) ??
        (await measured(candidate, vectors, providers, time, laboratory))),
    );
  }
  return { hardware, results };
}

/** The vectors, or why they cannot be read: then no variant can be shown to be right. */
async function goldenOf({ goldenPath }: ProbeCandidate, files: Files): Promise<Vector[] | CoveyError> {
  try {
    return goldenPath === undefined ? [] : await readGolden(files, goldenPath);
  } catch (error) {
    return toCoveyError(error);
  }
}

async function measured(
  candidate: ProbeCandidate,
  vectors: Vector[] | CoveyError,
  providers: Providers,
  time: Time,
  laboratory: Laboratory,
): Promise<ProbeResult[]> {
  if (!Array.isArray(vectors)) {
    const entries = candidate.variants.map((_, index) => entryOf(candidate, index, 'cpu', 1));
    for (const entry of entries) entry.failure = vectors;
    return resultsOf(candidate.ref, entries, null);
  }
  if (vectors.length === 0) {
    // What cannot be shown to be right elsewhere runs as the publisher ran it.
    const entries = candidate.variants.map((_, index) => entryOf(candidate, index, 'cpu', 1));
    return resultsOf(candidate.ref, entries, await compete(entries, [], time, laboratory));
  }
  const entries = candidate.variants.flatMap((_, index) => [
    ...laboratory.threadCounts.map((threads) => entryOf(candidate, index, 'cpu', threads)),
    ...(providers.webgpu === null ? [entryOf(candidate, index, 'webgpu', 1)] : []),
  ]);
  // Most threads first: where a model is so slow that time runs out, they matter most.
  const bySpeed = entries.toSorted((a, b) => b.spec.threads - a.spec.threads);
  return resultsOf(candidate.ref, entries, await compete(bySpeed, vectors, time, laboratory), providers);
}

/** What an earlier probe here found, when its choice is right again; null: measure anew. */
async function checkedAgain(
  candidate: ProbeCandidate,
  vectors: Vector[] | CoveyError,
  hardware: string,
  laboratory: Laboratory,
): Promise<ProbeResult[] | null> {
  const before = candidate.measured;
  if (before?.hardware !== hardware || !Array.isArray(vectors) || vectors.length === 0) return null;
  const chosen = before.results.find((result) => result.chosen);
  const index = candidate.variants.findIndex(({ name }) => name === chosen?.variant);
  if (!chosen || index < 0) return null;
  const { spec } = entryOf(candidate, index, chosen.provider, chosen.threads ?? 1);
  const check = await checkOnce(spec, vectors, laboratory);
  if (!check) return null;
  const reason = again + (chosen.reason ?? '').replace(again, '');
  return before.results
    .filter(({ variant }) => candidate.variants.some(({ name }) => name === variant))
    .map((result) => (result === chosen ? { ...result, maxError: check.maxError, reason } : result));
}

async function checkOnce(
  spec: TrialSpec,
  vectors: readonly Vector[],
  { openTrial }: Ground,
): Promise<Check | null> {
  try {
    const trial = await openTrial(spec, vectors, () => recheckMs);
    await trial.close();
    return trial.check;
  } catch {
    // Whatever it was: it is met again where everything is measured, and reported there.
    return null;
  }
}

function entryOf(candidate: ProbeCandidate, index: number, provider: Provider, threads: number): Entry {
  const { name = '', path = '', tolerances = [] } = candidate.variants[index] ?? {};
  const { schema, goldenPath } = candidate;
  const spec = { path, schema, tolerances, provider, threads, goldenPath };
  return { variant: name, spec, check: null, failure: null, heats: new Map() };
}
