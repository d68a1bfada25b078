import type { MirrorEvidence, SoakPolicy } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeSoak, totalEvidence } from './soak.ts';

const policy: SoakPolicy = {
  minSamples: 50,
  maxDurationMs: 1,
  minAgreement: 0.98,
  maxErrorRate: 0.01,
  maxLatencyRatio: 2,
  maxOutputShift: 0.1,
};
const compared = new Set(['m']);

function seen(change: Partial<MirrorEvidence>): MirrorEvidence {
  return {
    model: 'm',
    requests: 0,
    errors: 0,
    samples: 0,
    agreements: 0,
    latencyMs: 1,
    incumbentLatencyMs: 1,
    slower: 0,
    shift: { gained: [], lost: [] },
    ...change,
  };
}
const judge = (change: Partial<MirrorEvidence>, versus: ReadonlySet<string> = compared) =>
  judgeSoak([seen(change)], policy, ['m'], versus).verdict;
const faultless = (samples: number) => ({ requests: samples, samples, agreements: samples });

describe('judgeSoak', () => {
  it('passes what is faultless at the samples asked for, and what is not with more', () => {
    expect(judge(faultless(49))).toBe('open');
    expect(judge(faultless(50))).toBe('pass');
    expect(judge({ ...faultless(50), agreements: 49 })).toBe('open');
    expect(judge({ ...faultless(70), agreements: 69 })).toBe('pass');
    expect(judge({ ...faultless(1_000), agreements: 981 })).toBe('pass');
  });

  it('fails only when it is certain: a few faults early are none, the same share later is', () => {
    expect(judge({ requests: 1, samples: 1, agreements: 0 })).toBe('open');
    expect(judge({ requests: 50, samples: 50, agreements: 48 })).toBe('open');
    expect(judge({ requests: 10, samples: 10, agreements: 6 })).toBe('fail');
    expect(judge({ requests: 1_000, samples: 1_000, agreements: 950 })).toBe('fail');
    expect(judge({ ...faultless(5), requests: 8, errors: 3 })).toBe('fail');
  });

  it('judges latency by the share of inputs that took too long: half of them at the most', () => {
    expect(judge({ ...faultless(50), slower: 15 })).toBe('pass');
    expect(judge({ ...faultless(50), slower: 25 })).toBe('open');
    expect(judge({ ...faultless(50), slower: 30 })).toBe('open');
    expect(judge({ ...faultless(50), slower: 45 })).toBe('fail');
  });

  it('fails answers that move from one class to another, and not those that only differ', () => {
    const shift = { gained: [0, 20], lost: [20, 0] };
    const lenient = { ...policy, minAgreement: 0 };
    const verdict = (change: Partial<MirrorEvidence>) => judgeSoak([seen(change)], lenient, ['m'], compared);
    expect(verdict({ ...faultless(50), agreements: 30, shift })).toMatchObject({
      verdict: 'fail',
      model: 'm',
      message: 'm: moves 40 % of the answers from one class to another, allowed are 10 %',
    });
    const both = { gained: [20, 20], lost: [20, 20] };
    expect(verdict({ ...faultless(50), agreements: 10, shift: both }).verdict).toBe('pass');
    expect(verdict({ ...faultless(250), agreements: 230, shift }).verdict).toBe('pass');
  });

  it('judges a model without a version before on errors alone', () => {
    expect(judge({ requests: 50 }, new Set())).toBe('pass');
    expect(judge({ requests: 49 }, new Set())).toBe('open');
    expect(judgeSoak([], policy, ['m'], compared).verdict).toBe('open');
  });

  it('takes any answer for a way back', () => {
    const back = { minSamples: 1, maxDurationMs: 1_000, minAgreement: 0, maxErrorRate: 1 };
    const verdict = judgeSoak([seen({ requests: 1, errors: 1 })], back, ['m'], new Set());
    expect(verdict.verdict).toBe('pass');
  });

  it('never passes what is outside of a bound, nor fails what is inside of all', () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(400), fc.nat(400), (faults, rest, errors) => {
        const samples = faults + rest;
        const verdict = judge({ requests: samples + errors, errors, samples, agreements: rest });
        const isInside = errors <= 0.01 * (samples + errors) && faults <= (1 - 0.98) * samples;
        expect(verdict).not.toBe(isInside ? 'fail' : 'pass');
      }),
    );
  });
});

describe('how often it is wrong, looked at after every sample', () => {
  /** Mulberry32. */
  const randomFrom = (seed: number) => {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  };
  /** Shares of verdicts over 400 soaks of at most 2,000 samples with a true rate of disagreement. */
  const verdicts = (disagreement: number) => {
    const ends = { pass: 0, fail: 0, open: 0 };
    for (let run = 1; run <= 400; run++) {
      const random = randomFrom(run);
      let [agreements, samples, verdict] = [0, 0, 'open' as 'pass' | 'fail' | 'open'];
      while (verdict === 'open' && samples < 2_000) {
        samples++;
        if (random() >= disagreement) agreements++;
        verdict = judge({ requests: samples, samples, agreements });
      }
      ends[verdict] += 1 / 400;
    }
    return ends;
  };

  it.each([
    // A version at the bound itself passes in 97 of 100 soaks: a fixed sample of 50 would refuse it in 26.
    { disagreement: 0.005, pass: { least: 0.99, most: 1 }, fail: { least: 0, most: 0.0125 } },
    { disagreement: 0.02, pass: { least: 0.9, most: 1 }, fail: { least: 0, most: 0.0125 } },
    { disagreement: 0.1, pass: { least: 0, most: 0.03 }, fail: { least: 0.97, most: 1 } },
    { disagreement: 0.2, pass: { least: 0, most: 0 }, fail: { least: 1, most: 1 } },
  ])('$disagreement disagreement where 0.02 are allowed', ({ disagreement, ...expected }) => {
    const ends = verdicts(disagreement);
    for (const verdict of ['pass', 'fail'] as const) {
      expect(ends[verdict]).toBeGreaterThanOrEqual(expected[verdict].least - 1e-9);
      expect(ends[verdict]).toBeLessThanOrEqual(expected[verdict].most + 1e-9);
    }
  });
});

describe('totalEvidence', () => {
  it('reports sums with their intervals, and the worst of each model', () => {
    const shift = { gained: [1, 0], lost: [0, 1] };
    const total = totalEvidence(
      [
        seen({ requests: 4, samples: 4, agreements: 2, latencyMs: 3, slower: 4, shift }),
        seen({ requests: 6, errors: 1, samples: 6, agreements: 6 }),
      ],
      'open',
    );
    expect(total).toMatchObject({
      ...{ verdict: 'open', samples: 10, agreement: 0.8, errors: 1, requests: 10 },
      ...{ latencyRatio: 3, slower: 4, outputShift: 0.25 },
    });
    const [low, high] = total.agreementInterval;
    expect(low).toBeLessThan(0.8);
    expect(high).toBeGreaterThan(0.8);
    expect(totalEvidence([], 'open')).toMatchObject({
      agreement: null,
      latencyRatio: null,
      outputShift: null,
    });
  });
});
