import type { MirrorEvidence, SoakPolicy } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeSoak, totalEvidence } from './soak.ts';

const policy: SoakPolicy = {
  minSamples: 10,
  maxDurationMs: 1,
  minAgreement: 0.9,
  maxErrorRate: 0.1,
  maxLatencyRatio: 2,
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
    ...change,
  };
}
const judge = (change: Partial<MirrorEvidence>, versus: ReadonlySet<string> = compared) =>
  judgeSoak([seen(change)], policy, ['m'], versus).verdict;

describe('judgeSoak', () => {
  it('allows exactly what the bound allows', () => {
    expect(judge({ requests: 10, samples: 10, agreements: 9 })).toBe('pass');
    expect(judge({ requests: 10, samples: 10, agreements: 8 })).toBe('fail');
    expect(judge({ requests: 9, samples: 9, agreements: 9 })).toBe('open');
  });

  it('fails as soon as the bound is out of reach', () => {
    expect(judge({ requests: 1, samples: 1, agreements: 0 })).toBe('open');
    expect(judge({ requests: 2, samples: 2, agreements: 0 })).toBe('fail');
    expect(judge({ requests: 2, errors: 2 })).toBe('fail');
    expect(judge({ requests: 100, errors: 10, samples: 10, agreements: 10 })).toBe('pass');
  });

  it('judges latency, and a model without a version before on errors alone', () => {
    expect(judge({ requests: 10, samples: 10, agreements: 10, latencyMs: 3 })).toBe('fail');
    expect(judge({ requests: 10 }, new Set())).toBe('pass');
    expect(judge({ requests: 9 }, new Set())).toBe('open');
    expect(judgeSoak([], policy, ['m'], compared).verdict).toBe('open');
  });

  it('never passes what fails the bounds at the end, and never fails what could still meet them', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }), (answers) => {
        const agreements = answers.filter(Boolean).length;
        const verdicts = answers.map((_, index) => {
          const sofar = answers.slice(0, index + 1);
          return judge({ requests: index + 1, samples: index + 1, agreements: sofar.filter(Boolean).length });
        });
        expect(verdicts.includes('fail')).toBe(agreements / 10 < 0.9);
        expect(verdicts.at(-1) === 'pass').toBe(agreements / 10 >= 0.9);
      }),
    );
  });

  it('reports sums and the worst ratio', () => {
    const total = totalEvidence([
      seen({ requests: 4, samples: 4, agreements: 2, latencyMs: 3 }),
      seen({ requests: 6, errors: 1, samples: 6, agreements: 6 }),
    ]);
    expect(total).toEqual({ samples: 10, agreement: 0.8, errors: 1, requests: 10, latencyRatio: 3 });
    expect(totalEvidence([])).toMatchObject({ agreement: null, latencyRatio: null });
  });
});
