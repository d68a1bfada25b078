import type { ProbeResult } from '@covey/protocol';
import { type Choice, changedModels, comparedModels, type Update } from './state.ts';

/** A larger model is not too large, nor a slower one too slow, by less than this: what is measured is not finer. */
const slackMs = 1;
const slackBytes = 64 * 1024 * 1024;

export type ProbeVerdict =
  | { verdict: 'pass' }
  /** `unfit`: it cannot run here at all. */
  | { verdict: 'fail' | 'unfit'; code: string; message: string; bundle: string };

/** Judges a probe of every changed model: one without a good variant, or beyond what the policy allows, stops the release. */
export function judgeProbe(update: Update, results: ProbeResult[]): ProbeVerdict {
  for (const { model, version, bundle } of changedModels(update)) {
    const chosen = choiceFrom(results, model, version);
    const own = results.filter((result) => result.model === model && result.version === version);
    const excess = chosen ? excessOf(update, chosen) : null;
    if (excess !== null)
      return { verdict: 'fail', code: 'PROBE_FAILED', message: `${model} ${version} ${excess}`, bundle };
    if (chosen) continue;
    // Several providers and thread counts of a variant fail alike.
    const reasons = [
      ...new Set(own.map((result) => `${result.variant}: ${result.reason ?? 'no reason given'}`)),
    ];
    const message = `${model} ${version} has no variant that works here (${reasons.join('; ') || 'none was measured'})`;
    return reasons.some((reason) => reason.includes('GOLDEN_MISMATCH'))
      ? { verdict: 'fail', code: 'GOLDEN_MISMATCH', message, bundle }
      : { verdict: 'unfit', code: 'BUNDLE_INCOMPATIBLE', message, bundle };
  }
  return { verdict: 'pass' };
}

export function choiceFrom(
  results: readonly ProbeResult[],
  model: string,
  version: string,
): ProbeResult | undefined {
  return results.find(
    (result) => result.model === model && result.version === version && result.ok && result.chosen,
  );
}

/** In what the chosen variant goes beyond what the policy allows over the version before; null: in nothing. */
function excessOf(update: Update, chosen: ProbeResult): string | null {
  const { maxLatencyRatio, maxMemoryRatio } = update.desired?.soak ?? {};
  const before = comparedModels(update).find(({ ref }) => ref.model === chosen.model)?.measured;
  const { latencyMs, memoryBytes } = measuredOf(chosen);
  if (before?.latencyMs && latencyMs && maxLatencyRatio !== undefined) {
    // Certain only where the intervals are that far apart.
    const allowedMs = before.latencyMs[1] * maxLatencyRatio + slackMs;
    if (latencyMs[0] > allowedMs)
      return `takes at least ${latencyMs[0].toFixed(1)} ms, the version before ${before.latencyMs[1].toFixed(1)} ms: allowed are ${maxLatencyRatio} times as long`;
  }
  if (before?.memoryBytes && memoryBytes && maxMemoryRatio !== undefined) {
    const allowedBytes = before.memoryBytes * maxMemoryRatio + slackBytes;
    if (memoryBytes > allowedBytes)
      return `takes ${memoryBytes} bytes of memory, the version before ${before.memoryBytes}: allowed are ${maxMemoryRatio} times as many`;
  }
  return null;
}

/** What is remembered of the variant that was chosen, for the next version to be compared with. */
export function measuredOf({
  latencyMs,
  latencyIntervalMs,
  memoryBytes,
}: ProbeResult): NonNullable<Choice['measured']> {
  return {
    latencyMs: latencyIntervalMs ?? (latencyMs === null ? null : [latencyMs, latencyMs]),
    memoryBytes,
  };
}
