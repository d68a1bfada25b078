import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lnGamma } from './gamma.ts';
import { cleanRateBound, outputShift, rateEvidence, rateInterval, sharesEvidence } from './sequential.ts';

/** Mulberry32: the same numbers in every run, so that the stated rates are exact. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Share of `runs` in which `step` ever says true within `looks` looks, and the median look at which it first does. */
function everTrue(runs: number, looks: number, begin: (random: () => number) => (look: number) => boolean) {
  const delays: number[] = [];
  for (let run = 0; run < runs; run++) {
    const step = begin(randomFrom(run + 1));
    for (let look = 1; look <= looks; look++) {
      if (!step(look)) continue;
      delays.push(look);
      break;
    }
  }
  delays.sort((a, b) => a - b);
  return {
    share: delays.length / runs,
    delay: delays[Math.floor(delays.length / 2)] ?? Number.POSITIVE_INFINITY,
  };
}

function sumTo(shares: readonly number[], end: number): number {
  return shares.slice(0, end).reduce((sum, share) => sum + share, 0);
}

describe('lnGamma', () => {
  it.each([
    [1, 0],
    [0.5, Math.log(Math.PI) / 2],
    [5, Math.log(24)],
    [0.1, 2.252712651734206],
    [171, 706.573062245787],
  ])('of %s is %s', (x, expected) => {
    expect(lnGamma(x)).toBeCloseTo(expected, 9);
  });
});

describe('the confidence sequence of a rate', () => {
  it('holds the seen rate and narrows around it', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_000), (hits, misses) => {
        const [low, high] = rateInterval(hits, misses, 0.05);
        const share = hits + misses === 0 ? 0.5 : hits / (hits + misses);
        expect(low).toBeLessThanOrEqual(share);
        expect(high).toBeGreaterThanOrEqual(share);
        const [lower, higher] = rateInterval(10 * hits, 10 * misses, 0.05);
        expect(higher - lower).toBeLessThanOrEqual(high - low);
      }),
    );
  });

  it('ends where the evidence reaches 1/alpha, in closed form without a hit', () => {
    const [low, high] = rateInterval(0, 50, 0.05);
    expect(low).toBe(0);
    expect(high).toBeCloseTo(cleanRateBound(50, 0.05), 9);
    expect(rateEvidence(0, 50, high)).toBeCloseTo(-Math.log(0.05), 6);
    expect(rateEvidence(3, 0, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(rateEvidence(0, 3, 1)).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([0.01, 0.1, 0.5])(
    'leaves out a true rate of %s in at most 5 of 100 runs, looked at after each of 2,000 observations',
    (rate) => {
      const missed = everTrue(600, 2_000, (random) => {
        let hits = 0;
        return (look) => {
          if (random() < rate) hits++;
          return rateEvidence(hits, look - hits, rate) >= -Math.log(0.05);
        };
      });
      expect(missed.share).toBeLessThanOrEqual(0.05);
    },
  );

  it.each([
    [0.02, 0.1, 80],
    [0.02, 0.4, 9],
    [0.01, 0.03, 600],
  ])(
    'tells a bound of %s from a true rate of %s, in half of the runs within %s observations',
    (bound, rate, delay) => {
      const found = everTrue(300, 20_000, (random) => {
        let hits = 0;
        return (look) => {
          if (random() < rate) hits++;
          return hits / look > bound && rateEvidence(hits, look - hits, bound) >= -Math.log(0.0125);
        };
      });
      expect(found.share).toBe(1);
      expect(found.delay).toBeLessThanOrEqual(delay);
    },
  );
});

describe('evidence that shares differ', () => {
  it('is that of a rate with two cells and a uniform prior', () => {
    expect(sharesEvidence([3, 7], [0.5, 0.5], 2)).toBeCloseTo(rateEvidence(3, 7, 0.5), 9);
    expect(sharesEvidence([1, 0], [0, 1], 2)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is not found in 95 of 100 runs of equal shares, looked at after each of 2,000 observations, and found otherwise', () => {
    const run = (shares: number[]) =>
      everTrue(200, 2_000, (random) => {
        const counts = shares.map(() => 0);
        return () => {
          const drawn = random();
          const cell = shares.findIndex((_, index) => drawn < sumTo(shares, index + 1));
          counts[cell] = (counts[cell] ?? 0) + 1;
          return sharesEvidence(counts, [0.25, 0.25, 0.25, 0.25], 10) >= -Math.log(0.05);
        };
      });
    expect(run([0.25, 0.25, 0.25, 0.25]).share).toBeLessThanOrEqual(0.05);
    const shifted = run([0.4, 0.2, 0.2, 0.2]);
    expect(shifted.share).toBe(1);
    expect(shifted.delay).toBeLessThanOrEqual(150);
  });
});

describe('a shift of outputs', () => {
  /** Pairs of answers over three classes: `drift` of the second class's inputs go to the third, `noise` of all anywhere. */
  const pairs = (drift: number, noise: number) => (random: () => number) => {
    const gained = [0, 0, 0];
    const lost = [0, 0, 0];
    const count = (cells: number[], cell: number) => {
      cells[cell] = (cells[cell] ?? 0) + 1;
    };
    return (look: number) => {
      const old = Math.floor(random() * 3);
      const noisy = random() < noise ? Math.floor(random() * 3) : old;
      const answer = noisy === 1 && random() < drift ? 2 : noisy;
      if (answer !== old) {
        count(gained, answer);
        count(lost, old);
      }
      return outputShift({ gained, lost }, look).evidence >= -Math.log(0.0125);
    };
  };

  it('is not seen where versions differ without direction: in at most 1.25 of 100 runs of 1,000 pairs', () => {
    expect(everTrue(400, 1_000, pairs(0, 0.3)).share).toBeLessThanOrEqual(0.0125);
  });

  it('is seen where a class is given away, in half of the runs within 40 pairs for half of the class, 110 for a fifth', () => {
    expect(everTrue(200, 2_000, pairs(0.5, 0))).toMatchObject({ share: 1 });
    expect(everTrue(200, 2_000, pairs(0.5, 0)).delay).toBeLessThanOrEqual(70);
    expect(everTrue(200, 2_000, pairs(0.2, 0)).delay).toBeLessThanOrEqual(160);
  });

  it('has a distance: the share of answers that moved from one class to another', () => {
    expect(outputShift({ gained: [0, 0, 30], lost: [0, 30, 0] }, 100).distance).toBeCloseTo(0.3);
    expect(outputShift({ gained: [10, 10], lost: [10, 10] }, 100).distance).toBe(0);
    expect(outputShift({ gained: [], lost: [] }, 0)).toEqual({ distance: 0, evidence: 0 });
  });
});
