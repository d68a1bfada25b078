import type { Interval } from '@covey/protocol';
import { measureLatency, measurePeakMemory } from '@covey/runtime';
import { medianInterval, ratioInterval } from './interval.ts';
import { type DigestedSamples, type Job, perform } from './job.ts';
import { thisMachine } from './machine.ts';

/** What a model costs here; `latencyRatio` is to the first of those measured together. */
export interface Cost {
  latencyMs: Interval | null;
  latencyRatio: Interval | null;
  peakMemoryBytes: number | null;
}

const rounds = 120;
/** For each of the models; one of seconds a run gets a few rounds. */
const limitMs = 1_500;
const measuredSamples = 8;

/** Costs of models (digests in the work folder) by digest, timed in turns, so that a busy moment disturbs all alike. */
export async function measureCosts(
  job: Job,
  digests: readonly string[],
  samples: DigestedSamples,
): Promise<Map<string, Cost>> {
  const { threads, work } = job;
  const machine = thisMachine(threads);
  const some = samples.samples.slice(0, measuredSamples);
  const latencies = await perform(job, `timing ${digests.length} models against each other`, {
    name: 'latency',
    inputs: { models: digests, samples: samples.digest, machine },
    run: () =>
      measureLatency(
        digests.map((digest) => work.bytes(digest)),
        some,
        { threads, rounds, limitMs: limitMs * digests.length },
      ),
  });
  const [first = []] = latencies;
  const costs = new Map<string, Cost>();
  for (const [i, digest] of digests.entries()) {
    const peakMemoryBytes = await perform(job, `memory of model ${i + 1} of ${digests.length}`, {
      name: 'memory',
      inputs: { model: digest, samples: samples.digest, machine },
      run: () => measurePeakMemory(work.bytes(digest), some, { threads }),
    });
    const values = latencies[i] ?? [];
    costs.set(digest, {
      latencyMs: medianInterval(values) ?? null,
      latencyRatio: ratioInterval(values, first) ?? null,
      peakMemoryBytes,
    });
  }
  return costs;
}
