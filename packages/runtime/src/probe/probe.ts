import {
  type CoveyError,
  limits,
  type ProbeCandidate,
  type ProbeJob,
  type ProbeResult,
  type ProbeVariant,
  toCoveyError,
} from '@covey/protocol';
import { openSession, type Session, warmUp } from '../executor/index.ts';
import { median } from '../measure/index.ts';
import { compareWithGolden, readGolden, type Vector } from './golden.ts';

/** A variant under test. `failure` excludes it. */
interface Trial {
  variant: ProbeVariant;
  session?: Session;
  failure?: CoveyError;
  maxError: number | null;
  memoryBytes: number | null;
  latenciesMs: number[];
}

/**
 * Loads every variant of every candidate, warms it, runs its golden vectors and measures its latency and memory; per
 * candidate the fastest variant that is right is `chosen`. Runs on the calling thread: a probe is a process of its own.
 */
export async function probe(job: ProbeJob): Promise<ProbeResult[]> {
  const results: ProbeResult[] = [];
  for (const candidate of job.candidates) results.push(...(await probeCandidate(candidate, job.runs)));
  return results;
}

async function probeCandidate(candidate: ProbeCandidate, runs: number): Promise<ProbeResult[]> {
  const vectors = await goldenOf(candidate);
  const trials: Trial[] = [];
  for (const variant of candidate.variants) trials.push(await tryVariant(candidate, variant, vectors));
  await measureLatencies(trials, Array.isArray(vectors) ? vectors : [], runs);
  for (const { session } of trials) await session?.release();
  return resultsOf(candidate, trials);
}

/** The vectors, or why they cannot be read: then no variant can be shown to be right. */
async function goldenOf({ goldenPath }: ProbeCandidate): Promise<Vector[] | CoveyError> {
  try {
    return goldenPath === undefined ? [] : await readGolden(goldenPath);
  } catch (error) {
    return toCoveyError(error);
  }
}

async function tryVariant(
  { schema }: ProbeCandidate,
  variant: ProbeVariant,
  vectors: Vector[] | CoveyError,
): Promise<Trial> {
  const trial: Trial = { variant, maxError: null, memoryBytes: null, latenciesMs: [] };
  const residentBefore = process.memoryUsage.rss();
  try {
    if (!Array.isArray(vectors)) throw vectors;
    const session = await openSession(variant.path, schema);
    trial.session = session;
    await warmUp((inputs) => session.run(inputs), schema);
    for (const { inputs, outputs } of vectors) {
      const error = compareWithGolden(await session.run(inputs), outputs, variant.tolerances);
      trial.maxError = Math.max(trial.maxError ?? 0, error);
    }
    trial.memoryBytes = Math.max(0, process.memoryUsage.rss() - residentBefore);
  } catch (error) {
    trial.failure = toCoveyError(error, 'INFERENCE_FAILED');
  }
  return trial;
}

/** Turn by turn, so that whatever else the device does disturbs all variants alike. */
async function measureLatencies(trials: Trial[], vectors: Vector[], runs: number): Promise<void> {
  for (let run = 0; run < runs; run++) {
    const vector = vectors[run % vectors.length];
    if (vector === undefined) return;
    for (const trial of trials) {
      if (trial.failure || !trial.session) continue;
      const startedMs = performance.now();
      await trial.session.run(vector.inputs);
      trial.latenciesMs.push(performance.now() - startedMs);
    }
  }
}

function resultsOf({ ref }: ProbeCandidate, trials: Trial[]): ProbeResult[] {
  const fit = trials.filter(({ failure }) => failure === undefined);
  const speed = ({ latenciesMs }: Trial) => median(latenciesMs) ?? Number.POSITIVE_INFINITY;
  // Of equals, and where nothing could be measured, the publisher's order decides: sorting is stable.
  const chosen = fit.sort((a, b) => speed(a) - speed(b) || 0)[0];
  return trials.map((trial) => ({
    model: ref.model,
    version: ref.version,
    variant: trial.variant.name,
    provider: 'cpu',
    ok: trial.failure === undefined,
    ...(trial.failure && { reason: reasonOf(trial.failure) }),
    maxError: trial.maxError,
    latencyMs: median(trial.latenciesMs),
    memoryBytes: trial.memoryBytes,
    chosen: trial === chosen,
  }));
}

function reasonOf({ code, message }: CoveyError): string {
  return `${code}: ${message}`.slice(0, limits.reasonChars);
}
