import type { MirrorEvidence, SoakEvidence, SoakPolicy } from '@covey/protocol';
import { cleanRateBound, outputShift, rateEvidence, rateInterval } from '@covey/stats';

export type SoakVerdict = { verdict: 'pass' | 'open' } | { verdict: 'fail'; message: string; model: string };

/** Chance of a wrong verdict by each of the four tests of a model, however often one looks: 5 % for the model in all. */
const alpha = 0.0125;
const certain = -Math.log(alpha);

/**
 * What the evidence so far says of the models under judgement (`judged` names them; `compared` those that have a version
 * before to agree with). Sequential tests, valid at every look. **Fails** when it is certain that the error rate, the rate of
 * disagreement or the share of inputs on which it is too slow lies above its bound, or that answers moved between classes,
 * and more than allowed. **Passes** when every model is inside all bounds and certainly not far outside: as certain as
 * `minSamples` faultless answers make it, so that with faults more answers are needed. A model with nothing to compare is
 * judged on errors alone.
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
  const { samples, requests, errors, slower } = seen;
  const fail = (message: string): SoakVerdict => ({
    verdict: 'fail',
    message: `${seen.model}: ${message}`,
    model: seen.model,
  });
  const failing = judgeRate(errors, requests, maxErrorRate, minSamples);
  if (failing === 'above')
    return fail(`${errors} of ${requests} inferences failed, allowed are ${percent(maxErrorRate)}`);
  if (!isCompared) return { verdict: failing === 'within' ? 'pass' : 'open' };
  const disagreements = samples - seen.agreements;
  const disagreeing = judgeRate(disagreements, samples, 1 - minAgreement, minSamples);
  if (disagreeing === 'above')
    return fail(
      `agrees with the version before on ${seen.agreements} of ${samples} inputs, wanted are ${percent(minAgreement)}`,
    );
  // A median is above its bound when more than half of the pairs are.
  const slow = maxLatencyRatio === undefined ? 'within' : judgeRate(slower, samples, 0.5, minSamples);
  if (slow === 'above')
    return fail(
      `takes over ${maxLatencyRatio} times as long as the version before on ${slower} of ${samples} inputs`,
    );
  const shift = judgeShift(seen, policy);
  if (shift === 'above')
    return fail(
      `moves ${percent(outputShift(seen.shift, samples).distance)} of the answers from one class to another, allowed are ${percent(policy.maxOutputShift ?? 1)}`,
    );
  const isWithin = [failing, disagreeing, slow, shift].every((verdict) => verdict === 'within');
  return { verdict: isWithin ? 'pass' : 'open' };
}

type RateVerdict = 'above' | 'within' | 'open';

function judgeRate(hits: number, seen: number, bound: number, minSamples: number): RateVerdict {
  const misses = seen - hits;
  const isAbove = hits > bound * seen;
  if (isAbove) return rateEvidence(hits, misses, bound) >= certain ? 'above' : 'open';
  if (seen < minSamples) return 'open';
  const far = bound + cleanRateBound(minSamples, alpha);
  // Rounding must not ask for one faultless answer more than `minSamples`.
  return far >= 1 || rateEvidence(hits, misses, far) >= certain - 1e-9 ? 'within' : 'open';
}

function judgeShift({ shift, samples }: MirrorEvidence, { maxOutputShift }: SoakPolicy): RateVerdict {
  if (maxOutputShift === undefined) return 'within';
  const { distance, evidence } = outputShift(shift, samples);
  if (distance <= maxOutputShift) return 'within';
  return evidence >= certain ? 'above' : 'open';
}

/** All models' evidence as the numbers that are reported: sums, their 95 % confidence sequences, and the worst of each model. */
export function totalEvidence(evidence: MirrorEvidence[], verdict: SoakVerdict['verdict']): SoakEvidence {
  const sum = (count: (seen: MirrorEvidence) => number) =>
    evidence.reduce((total, seen) => total + count(seen), 0);
  const worst = (values: number[]) => (values.length === 0 ? null : Math.max(...values));
  const [samples, agreements] = [sum((seen) => seen.samples), sum((seen) => seen.agreements)];
  const [requests, errors] = [sum((seen) => seen.requests), sum((seen) => seen.errors)];
  return {
    verdict,
    samples,
    agreement: samples === 0 ? null : agreements / samples,
    agreementInterval: rateInterval(agreements, samples - agreements, 0.05),
    errors,
    requests,
    errorRateInterval: rateInterval(errors, requests - errors, 0.05),
    latencyRatio: worst(evidence.flatMap((seen) => latencyRatio(seen) ?? [])),
    slower: sum((seen) => seen.slower),
    outputShift: worst(
      evidence
        .filter((seen) => seen.shift.gained.length > 0)
        .map((seen) => outputShift(seen.shift, seen.samples).distance),
    ),
  };
}

function latencyRatio({ latencyMs, incumbentLatencyMs }: MirrorEvidence): number | null {
  return latencyMs === null || !incumbentLatencyMs ? null : latencyMs / incumbentLatencyMs;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
