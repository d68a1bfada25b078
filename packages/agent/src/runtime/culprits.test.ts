import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterDeath, quarantined, type Suspicions, suspects, unsuspicious } from './culprits.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const after = (...deaths: [atMs: number, ...bundles: string[]][]): Suspicions =>
  deaths.reduce((state, [atMs, ...bundles]) => afterDeath(state, bundles, atMs), unsuspicious);

test('three deaths alone within ten minutes quarantine a bundle for an hour', () => {
  const twice = after([0, 'a'], [minuteMs, 'a']);
  expect(quarantined(twice, minuteMs).size).toBe(0);
  const thrice = afterDeath(twice, ['a'], 2 * minuteMs);
  expect([...quarantined(thrice, 2 * minuteMs)]).toEqual([['a', 2 * minuteMs + hourMs]]);
  expect(quarantined(thrice, 2 * minuteMs + hourMs).size).toBe(0);
});

test('deaths far apart, of several bundles, or of none, quarantine nobody', () => {
  expect(quarantined(after([0, 'a'], [11 * minuteMs, 'a'], [22 * minuteMs, 'a']), 22 * minuteMs).size).toBe(
    0,
  );
  expect(quarantined(after([0, 'a'], [1, 'b'], [2, 'c']), 3).size).toBe(0);
  expect(quarantined(after([0], [1], [2], [3]), 4).size).toBe(0);
});

test('what ran together is suspected until one of it is known or ten minutes have passed', () => {
  const together = after([0, 'a', 'b']);
  expect(suspects(together, 1)).toEqual(new Set(['a', 'b']));
  expect(suspects(together, 10 * minuteMs)).toEqual(new Set());
  const known = after([0, 'a', 'b'], [1, 'a'], [2, 'a'], [3, 'a']);
  expect(quarantined(known, 4).has('a')).toBe(true);
  expect(suspects(known, 4)).toEqual(new Set());
});

test('tried again, one death is enough, and each quarantine is twice as long as the one before, up to a day', () => {
  let state = after([0, 'a'], [1, 'a'], [2, 'a']);
  let nowMs = 2;
  for (const hours of [1, 2, 4, 8, 16, 24, 24]) {
    const untilMs = quarantined(state, nowMs).get('a') ?? 0;
    expect(untilMs - nowMs).toBe(hours * hourMs);
    nowMs = untilMs;
    state = afterDeath(state, ['a'], nowMs);
  }
});

test('a bundle that never ran alone in a death is never quarantined, and memory stays bounded', () => {
  const death = fc.tuple(fc.nat(60_000), fc.subarray(['innocent', 'b', 'c']));
  fc.assert(
    fc.property(fc.array(death, { maxLength: 200 }), (deaths) => {
      let state = unsuspicious;
      let nowMs = 0;
      for (const [waitMs, bundles] of deaths) {
        nowMs += waitMs;
        const alone = bundles.length === 1 && bundles[0] === 'innocent';
        state = afterDeath(state, alone ? [] : bundles, nowMs);
        expect(quarantined(state, nowMs).has('innocent')).toBe(false);
        expect(state.deaths.every(({ atMs }) => nowMs - atMs < 10 * minuteMs)).toBe(true);
      }
    }),
  );
});
