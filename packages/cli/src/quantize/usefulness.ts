import { canonicalJson } from '@covey/protocol';
import type { Judged } from './evaluate.ts';
import type { Cost } from './measure.ts';

/** A variant of so much of the size of fp32 is not smaller; one of so much of its latency may be as fast. */
const sameSize = 0.98;
const sameLatency = 0.95;

/** A variant that came out as one before it did is refused: a model without products has the same int4 and int8 weights. */
export function withoutTwins(judged: readonly Judged[]): Judged[] {
  return judged.map((one, i) => {
    const twin = judged.slice(0, i).find((other) => other.reason === undefined && areTwins(other, one));
    return twin && one.reason === undefined
      ? refusedFor(one, `it is the same as ${twin.candidate.name}`)
      : one;
  });
}

/** The same bytes; or about as many that err by the same to the last digit, and so compute the same in another opset. */
function areTwins(a: Judged, b: Judged): boolean {
  if (a.candidate.digest === b.candidate.digest) return true;
  const errs = Object.values(a.evaluation.outputs).some(({ relativeError }) => relativeError > 0);
  const [smaller = 0, larger = 0] = [a.candidate.sizeBytes, b.candidate.sizeBytes].sort((x, y) => x - y);
  const isSameSize = smaller >= sameSize * larger;
  return errs && isSameSize && canonicalJson(a.evaluation.outputs) === canonicalJson(b.evaluation.outputs);
}

/**
 * A variant that is neither smaller than fp32 nor faster is refused: no class of device gains anything by it. So is one that
 * was chosen for its speed and is slower: beside it there is a smaller one for those that profit from that.
 */
export function withoutUseless(
  [float, ...others]: readonly Judged[],
  costs: ReadonlyMap<string, Cost>,
): Judged[] {
  if (!float) return [];
  const latencyOf = ({ candidate }: Judged) => costs.get(candidate.digest)?.latencyMs?.median ?? Number.NaN;
  // Beyond doubt: the intervals lie apart.
  const isFaster = ({ candidate }: Judged) =>
    (costs.get(candidate.digest)?.latencyMs?.upper ?? Number.NaN) <
    (costs.get(float.candidate.digest)?.latencyMs?.lower ?? Number.NaN);
  const reasonAgainst = (one: Judged): string | undefined => {
    if (one.reason !== undefined || isFaster(one)) return undefined;
    if (one.candidate.chosenFor === 'speed' && sameLatency * latencyOf(one) > latencyOf(float))
      return 'it was chosen for its speed and is slower than fp32 here';
    const isSmaller = one.candidate.sizeBytes <= sameSize * float.candidate.sizeBytes;
    return isSmaller ? undefined : 'it is neither smaller than fp32 nor faster';
  };
  const judge = (one: Judged) => {
    const reason = reasonAgainst(one);
    return reason === undefined ? one : refusedFor(one, reason);
  };
  return [float, ...others.map(judge)];
}

function refusedFor(one: Judged, reason: string): Judged {
  return { ...one, tolerances: [], reason };
}
