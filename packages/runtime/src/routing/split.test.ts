import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { murmur3 } from './hash.ts';
import { type Arm, armOfKey, armsOf, createTurns, type Turns } from './split.ts';

const stable = '1.0.0';
const [canary, other] = ['1.1.0', '2.0.0'];
const arms = (...split: Arm[]) => armsOf({ version: stable, split });
const keys = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
const turn = (turns: Turns) => {
  const version = turns.next();
  turns.took(version ?? '');
  return version;
};
const share = fc.double({ min: 0.01, max: 0.5, noNaN: true });

test('the hash is MurmurHash3 x86_32, as its published vectors have it', () => {
  expect(murmur3('')).toBe(0);
  expect(murmur3('', 1)).toBe(0x514e28b7);
  expect(murmur3('a', 0x9747b28c)).toBe(0x7fa09ea6);
  expect(murmur3('aa', 0x9747b28c)).toBe(0x5d211726);
  expect(murmur3('aaa', 0x9747b28c)).toBe(0x283e0130);
  expect(murmur3('aaaa', 0x9747b28c)).toBe(0x5a97808a);
  expect(murmur3('Hello, world!', 0x9747b28c)).toBe(0x24884cba);
  expect(murmur3('ππππππππ', 0x9747b28c)).toBe(0xd58063c1);
});

test('what is left of the shares is for the default, and nothing of it when nothing is left', () => {
  expect(arms({ version: canary, share: 0.25 })).toEqual([
    { version: canary, share: 0.25 },
    { version: stable, share: 0.75 },
  ]);
  expect(
    arms({ version: canary, share: 0.9 }, { version: other, share: 0.1 }).map((arm) => arm.version),
  ).toEqual([canary, other]);
  expect(arms({ version: stable, share: 0.2 }, { version: canary, share: 0.3 })).toEqual([
    { version: canary, share: 0.3 },
    { version: stable, share: 0.7 },
  ]);
});

test('keys fall into arms with the probability of their shares', () => {
  fc.assert(
    fc.property(share, share, fc.string(), (a, b, model) => {
      const split = arms({ version: canary, share: a }, { version: other, share: b });
      const counts = new Map(split.map(({ version }) => [version, 0]));
      for (const key of keys) {
        const version = armOfKey(split, model, key) ?? '';
        counts.set(version, (counts.get(version) ?? 0) + 1);
      }
      for (const { version, share: expected } of split) {
        // Five standard deviations of a binomial: one false alarm in 1.7 million.
        const deviation = Math.sqrt((expected * (1 - expected)) / keys.length);
        expect(Math.abs((counts.get(version) ?? 0) / keys.length - expected)).toBeLessThan(
          5 * deviation + 1e-4,
        );
      }
    }),
    { numRuns: 20 },
  );
});

test('a growing share loses no key, and nobody moves to what shrank', () => {
  fc.assert(
    fc.property(share, share, share, fc.string(), (before, more, third, model) => {
      const at = (size: number) =>
        arms({ version: canary, share: size }, { version: other, share: third / 2 });
      const [small, large] = [at(before / 2), at((before + more) / 2)];
      for (const key of keys.slice(0, 2_000)) {
        if (armOfKey(small, model, key) === canary) expect(armOfKey(large, model, key)).toBe(canary);
        const [was, is] = [armOfKey(small, model, key), armOfKey(large, model, key)];
        if (was !== is) expect(is).not.toBe(stable);
      }
    }),
    { numRuns: 20 },
  );
});

test('a key has one arm, and another rollout finds other keys first', () => {
  const first = arms({ version: canary, share: 0.1 });
  const second = arms({ version: other, share: 0.1 });
  const early = (split: Arm[], version: string) =>
    new Set(keys.filter((key) => armOfKey(split, 'm', key) === version));
  const both = early(first, canary).intersection(early(second, other));
  // Independent draws: 1 % of the keys, and not 10 %.
  expect(both.size).toBeGreaterThan(50);
  expect(both.size).toBeLessThan(160);
  expect(early(first, canary)).toEqual(early(first, canary));
});

test('requests without a key take turns: two arms are within one request of their shares at any time', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (a) => {
      const turns = createTurns(arms({ version: canary, share: a }));
      let count = 0;
      for (let n = 1; n <= 300; n++) {
        if (turn(turns) === canary) count++;
        expect(Math.abs(count - n * a)).toBeLessThan(1 + 1e-6);
      }
    }),
  );
});

test('many arms get what is theirs in every round, spread evenly', () => {
  const weights = [5, 1, 1, 3];
  const versions = ['1.0.0', '1.0.1', '1.0.2', '1.0.3'];
  const turns = createTurns(versions.map((version, i) => ({ version, share: (weights[i] ?? 0) / 10 })));
  const round = () => Array.from({ length: 10 }, () => turn(turns));
  for (let i = 0; i < 5; i++) {
    const answered = round();
    expect(versions.map((version) => answered.filter((by) => by === version).length)).toEqual(weights);
    expect(answered.join().includes('1.0.0,1.0.0,1.0.0')).toBe(false);
  }
});
