import type { MirrorEvidence, SoakEvidence, SoakPolicy } from '@covey/protocol';

export type SoakVerdict = { verdict: 'pass' } | { verdict: 'open' } | { verdict: 'fail'; message: string };

/**
 * What the evidence so far says of the models under judgement (`judged` names them; `compared` those that have a version
 * before to agree with). Fails as soon as a bound can no longer be met within `minSamples`, passes when every model has
 * `minSamples` inside all bounds. A model with nothing to compare is judged on the errors of `minSamples` requests.
 */
export function judgeSoak(
  evidence: MirrorEvidence[],
  policy: SoakPolicy,
  judged: string[],
  compared: ReadonlySet<string>,
): SoakVerdict {
  const verdicts = judged.map((model) => {
    const seen = evidence.find((candidate) => candidate.model === model);
    return seen ? judgeModel(seen, policy, compared.has(model)) : ({ verdict: 'open' } as const);
  });
  const failed = verdicts.find((verdict) => verdict.verdict === 'fail');
  if (failed) return failed;
  return verdicts.every((verdict) => verdict.verdict === 'pass') ? { verdict: 'pass' } : { verdict: 'open' };
}

function judgeModel(seen: MirrorEvidence, policy: SoakPolicy, isCompared: boolean): SoakVerdict {
  const { minSamples, minAgreement, maxErrorRate, maxLatencyRatio } = policy;
  const fail = (message: string): SoakVerdict => ({ verdict: 'fail', message: `${seen.model}: ${message}` });
  if (seen.errors / Math.max(minSamples, seen.requests) > maxErrorRate) {
    return fail(`${seen.errors} of ${seen.requests} inferences failed, allowed are ${percent(maxErrorRate)}`);
  }
  if (!isCompared) return { verdict: seen.requests >= minSamples ? 'pass' : 'open' };
  const failures = seen.samples - seen.agreements;
  const reachable = Math.max(minSamples, seen.samples);
  if ((reachable - failures) / reachable < minAgreement) {
    return fail(
      `agrees with the version before on ${seen.agreements} of ${seen.samples} inputs, wanted are ${percent(minAgreement)}`,
    );
  }
  if (seen.samples < minSamples) return { verdict: 'open' };
  const ratio = latencyRatio(seen);
  if (maxLatencyRatio !== undefined && ratio !== null && ratio > maxLatencyRatio) {
    return fail(
      `takes ${ratio.toFixed(2)} times as long as the version before, allowed are ${maxLatencyRatio}`,
    );
  }
  return { verdict: 'pass' };
}

/** All models' evidence as the numbers that are reported: sums, and the worst latency ratio. */
export function totalEvidence(evidence: MirrorEvidence[]): SoakEvidence {
  const sum = (count: (seen: MirrorEvidence) => number) =>
    evidence.reduce((total, seen) => total + count(seen), 0);
  const samples = sum((seen) => seen.samples);
  const ratios = evidence.flatMap((seen) => latencyRatio(seen) ?? []);
  return {
    samples,
    agreement: samples === 0 ? null : sum((seen) => seen.agreements) / samples,
    errors: sum((seen) => seen.errors),
    requests: sum((seen) => seen.requests),
    latencyRatio: ratios.length === 0 ? null : Math.max(...ratios),
  };
}

function latencyRatio({ latencyMs, incumbentLatencyMs }: MirrorEvidence): number | null {
  return latencyMs === null || !incumbentLatencyMs ? null : latencyMs / incumbentLatencyMs;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
