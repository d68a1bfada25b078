import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CostModel } from '../quantize/index.ts';
import { choicesOf, payingNodes } from './choices.ts';
import type { GroupHarm } from './sensitivity.ts';

/** Nodes that do not care what their neighbours do. */
function separateCosts(savedBytes: readonly number[], floatNs = 0): CostModel {
  return {
    floatNs,
    savedBytes: new Map(savedBytes.map((bytes, i) => [`n${i}`, bytes])),
    cheapest: (extra) =>
      new Set([...extra].filter(([, cost]) => cost.integers > cost.floats).map(([name]) => name)),
  };
}

function rankingOf(uses: readonly number[]): GroupHarm[] {
  return uses.map((use, i) => ({
    name: `n${i}`,
    nodes: [`n${i}`],
    weightCount: 1,
    use,
    relativeError: use / 10,
  }));
}

const groups = fc.array(
  fc.record({
    use: fc.double({ min: 0.01, max: 5, noNaN: true }),
    bytes: fc.integer({ min: 10, max: 100_000 }),
  }),
  { minLength: 2, maxLength: 7 },
);

describe('choicesOf', () => {
  it('keeps nothing where harm costs nothing, and ever more as its price rises', () => {
    fc.assert(
      fc.property(groups, (some) => {
        const costs = separateCosts(some.map(({ bytes }) => bytes));
        const ranking = rankingOf(some.map(({ use }) => use));
        const choices = choicesOf({ costs, ranking, byteValue: 1 });
        expect(choices[0]?.kept.size).toBe(0);
        for (const [i, { kept, use = 0 }] of choices.slice(1).entries()) {
          const before = choices[i];
          expect(before?.kept.isSubsetOf(kept)).toBe(true);
          expect(kept.size).toBeGreaterThan(before?.kept.size ?? 0);
          expect(use).toBeLessThanOrEqual(before?.use ?? 0);
        }
      }),
    );
  });

  it('saves more than any other choice that does as little harm', () => {
    fc.assert(
      fc.property(groups, (some) => {
        const costs = separateCosts(some.map(({ bytes }) => bytes));
        const least = Math.min(...some.map(({ use }) => use ** 2));
        const sumsOf = (isKept: (i: number) => boolean) => {
          const left = some.filter((_, i) => !isKept(i));
          const saved = left.reduce((sum, { bytes }) => sum + bytes, 0);
          return { saved, harm: left.reduce((sum, { use }) => sum + use ** 2 - least, 0) };
        };
        const ranking = rankingOf(some.map(({ use }) => use));
        for (const { kept } of choicesOf({ costs, ranking, byteValue: 1 })) {
          const chosen = sumsOf((i) => kept.has(`n${i}`));
          for (let other = 0; other < 2 ** some.length; other++) {
            const { saved, harm } = sumsOf((i) => (other & (1 << i)) !== 0);
            if (harm <= chosen.harm) expect(saved).toBeLessThanOrEqual(chosen.saved);
          }
        }
      }),
    );
  });

  it('never puts on integers what cannot be run there alone', () => {
    const costs = separateCosts([1000, 1000, 1000]);
    const choices = choicesOf({ costs, ranking: rankingOf([Number.MAX_VALUE, 2, 1]), byteValue: 1 });
    expect(choices.map(({ kept }) => [...kept])).toEqual([['n0'], ['n0', 'n1']]);
  });

  it('shares the harm of a group out among its weights, and expects nothing where no budget tells', () => {
    const costs = separateCosts([1000, 1000, 1000]);
    const [, strong] = rankingOf([0, 3]);
    if (strong === undefined) throw new Error('there is no group');
    const ranking = [{ ...strong, nodes: ['n0', 'n1'] }, ...rankingOf([0, 0, 1]).slice(2)];
    const choices = choicesOf({ costs, ranking, byteValue: 1 });
    expect(choices.map(({ kept, use }) => [[...kept], use])).toEqual([
      [[], 3],
      [['n0', 'n1'], 1],
    ]);
    const unlimited = ranking.map((group) => ({ ...group, use: 0 }));
    expect(choicesOf({ costs, ranking: unlimited, byteValue: 1 }).every(({ use }) => use === undefined)).toBe(
      true,
    );
  });
});

describe('payingNodes', () => {
  it('are those that save something', () => {
    const costs = separateCosts([100, -20, 0]);
    expect([...payingNodes(['n0', 'n1', 'n2'], { costs, byteValue: 1 })]).toEqual(['n0', 'n2']);
  });
});
