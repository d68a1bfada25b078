import type { Tensor } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBreaker } from './breaker.ts';
import { createHourlyBudget } from './budget.ts';
import { certaintyOf } from './certainty.ts';

const floats = (values: number[], shape = [1, values.length]): Tensor => ({
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

test('certainty is 1 for one class, 0 for a guess, and that of the least certain row', () => {
  expect(certaintyOf(floats([0, 1, 0]), 'probabilities')).toBeCloseTo(1);
  expect(certaintyOf(floats([1, 1, 1, 1]), 'probabilities')).toBeCloseTo(0);
  // Of two classes, 1 - H(0.6) in bits.
  expect(certaintyOf(floats([0.6, 0.4]), 'probabilities')).toBeCloseTo(1 - 0.9709505944546686, 5);
  expect(certaintyOf(floats([1, 0, 0.6, 0.4], [2, 2]), 'probabilities')).toBeCloseTo(0.02905, 4);
  expect(certaintyOf(floats([0.6]), 'probabilities')).toBeCloseTo(0.02905, 4);
  const logits = floats([Math.log(0.6) + 500, Math.log(0.4) + 500]);
  expect(certaintyOf(logits, 'logits')).toBeCloseTo(0.02905, 4);
});

test('who cannot tell is not sure', () => {
  for (const values of [[Number.NaN, 1], [0, 0], [-1, 2], [Number.POSITIVE_INFINITY, 1], []])
    expect(certaintyOf(floats(values), 'probabilities')).toBe(0);
  expect(certaintyOf(floats([Number.NaN, 1]), 'logits')).toBe(0);
  expect(certaintyOf(undefined, 'probabilities')).toBe(0);
  expect(certaintyOf({ datatype: 'INT32', shape: [1], data: new Uint8Array(4) }, 'logits')).toBe(0);
});

test('whatever the scores, certainty is between 0 and 1', () => {
  const kinds = fc.constantFrom('probabilities' as const, 'logits' as const);
  fc.assert(
    fc.property(fc.array(fc.float(), { minLength: 1 }), kinds, (values, kind) => {
      const certainty = certaintyOf(floats(values), kind);
      expect(certainty).toBeGreaterThanOrEqual(0);
      expect(certainty).toBeLessThanOrEqual(1);
    }),
  );
});

test('in no hour more is spent than allowed, and all of it comes back', () => {
  const hourMs = 3_600_000;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 600_000 }), fc.nat({ max: 40 })), { maxLength: 200 }),
      (events) => {
        const budget = createHourlyBudget(100);
        const spent: { atMs: number; amount: number }[] = [];
        let nowMs = 0;
        for (const [waitMs, wanted] of events) {
          nowMs += waitMs;
          if (wanted > budget.left(nowMs)) continue;
          budget.spend(wanted, nowMs);
          spent.push({ atMs: nowMs, amount: wanted });
          const lastHour = spent.filter(({ atMs }) => atMs > nowMs - hourMs);
          expect(lastHour.reduce((sum, { amount }) => sum + amount, 0)).toBeLessThanOrEqual(100);
        }
        expect(budget.left(nowMs + 2 * hourMs)).toBe(100);
      },
    ),
  );
});

test('three failures open the breaker, each attempt lets one through, and pauses grow to a minute', () => {
  const breaker = createBreaker();
  for (let i = 0; i < 3; i++) {
    expect(breaker.admits(0)).toBe(true);
    breaker.failed(0);
  }
  let nowMs = 0;
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    expect(breaker.admits(nowMs + pauseMs - 1)).toBe(false);
    nowMs += pauseMs;
    expect(breaker.admits(nowMs)).toBe(true);
    expect(breaker.admits(nowMs), 'one at a time').toBe(false);
    breaker.failed(nowMs);
  }
  nowMs += 60_000;
  expect(breaker.admits(nowMs)).toBe(true);
  breaker.succeeded();
  expect([breaker.admits(nowMs), breaker.admits(nowMs)]).toEqual([true, true]);
  breaker.failed(nowMs);
  expect(breaker.admits(nowMs), 'one failure is none in a row').toBe(true);
});
