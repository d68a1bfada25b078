import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Sampler } from './sampler.ts';

/** A generator of numbers in [0, 1) that are the same in every run (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A window of requests at `times`, each `costMs` to look at: which are in its sample, and the work done by each of them. */
function sampled(times: readonly number[], costMs: number, share: number, random: () => number) {
  const sampler = new Sampler(random);
  sampler.begin(0);
  const levels: (number | undefined)[] = [];
  const workMs: number[] = [];
  let work = 0;
  for (const nowMs of times) {
    const level = sampler.offer(nowMs, share);
    if (level !== undefined) {
      work += costMs;
      sampler.spent(costMs);
    }
    levels.push(level);
    workMs.push(work);
  }
  const isIn = levels.map((level) => level !== undefined && level >= sampler.lowest);
  return { isIn, workMs, lowest: sampler.lowest };
}

test('the work never goes beyond the budget that is stated', () => {
  const loads = fc.record({
    gaps: fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 2_000 }),
    costMs: fc.double({ min: 0.001, max: 50, noNaN: true }),
    share: fc.double({ min: 0, max: 0.1, noNaN: true }),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(loads, ({ gaps, costMs, share, seed }) => {
      let nowMs = 0;
      const times = gaps.map((gap) => {
        nowMs += gap;
        return nowMs;
      });
      const { workMs, lowest } = sampled(times, costMs, share, randomOf(seed));
      // The halvings up to now are at most those of the whole window.
      workMs.forEach((work, i) => {
        expect(work).toBeLessThanOrEqual(share * (times[i] ?? 0) + 10 * (lowest + 1) + costMs + 1e-6);
      });
    }),
    { numRuns: 60 },
  );
});

test('at a steady load that is 20 times the budget, at least a quarter of the budget is in the sample', () => {
  const times = Array.from({ length: 300_000 }, (_, i) => i);
  for (const seed of [1, 2, 3]) {
    const { isIn, workMs } = sampled(times, 0.4, 0.02, randomOf(seed));
    const budgetMs = 0.02 * 300_000;
    expect(isIn.filter(Boolean).length * 0.4).toBeGreaterThan(budgetMs / 4);
    expect(workMs.at(-1)).toBeLessThan(budgetMs * 1.05);
  }
});

test('what is cheap is looked at always; the first request of a window also', () => {
  const times = Array.from({ length: 10_000 }, (_, i) => i);
  expect(sampled(times, 0.005, 0.02, randomOf(1)).isIn.every(Boolean)).toBe(true);
  expect(sampled([0], 1_000, 0.02, randomOf(1)).isIn).toEqual([true]);
});

test('every request of a window is in with the same probability, in a burst at its begin and after', () => {
  // 2,000 requests in the first 100 ms, then 2,000 over 20 s; one in 40 is of a rare class.
  const times = Array.from({ length: 4_000 }, (_, i) => (i < 2_000 ? i / 20 : (i - 1_990) * 10));
  const isRare = (i: number) => i % 40 === 0;
  const windows = 400;
  const shares = { first: 0, burst: 0, late: 0, rare: 0, all: 0 };
  const random = randomOf(7);
  for (let window = 0; window < windows; window++) {
    const { isIn } = sampled(times, 0.5, 0.02, random);
    isIn.forEach((included, i) => {
      if (!included) return;
      shares.all += 1 / (4_000 * windows);
      if (i === 0) shares.first += 1 / windows;
      if (i < 2_000) shares.burst += 1 / (2_000 * windows);
      else shares.late += 1 / (2_000 * windows);
      if (isRare(i)) shares.rare += 1 / (100 * windows);
    });
  }
  expect(shares.all).toBeGreaterThan(0.01);
  expect(shares.all).toBeLessThan(0.5);
  for (const share of [shares.burst, shares.late, shares.rare]) {
    expect(share / shares.all).toBeGreaterThan(0.94);
    expect(share / shares.all).toBeLessThan(1.06);
  }
  expect(shares.first / shares.all).toBeGreaterThan(0.6);
  expect(shares.first / shares.all).toBeLessThan(1.5);
});
