import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { admission, type Rate } from './rate.ts';

const rates = fc.record({
  perSecond: fc.double({ min: 0.01, max: 10_000, noNaN: true }),
  burst: fc.integer({ min: 1, max: 100 }),
});
const pauses = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5_000, noNaN: true })), {
  maxLength: 200,
});

/** When requests are admitted that come after these pauses. */
function admitted(rate: Rate, pausesMs: number[]): number[] {
  let filledMs = 0;
  let nowMs = 1_000;
  const times: number[] = [];
  for (const pauseMs of pausesMs) {
    nowMs += pauseMs;
    const asked = admission(rate, filledMs, nowMs);
    if (!asked.admitted) continue;
    times.push(nowMs);
    ({ filledMs } = asked);
  }
  return times;
}

test('in no time t more than burst + rate * t are admitted', () => {
  fc.assert(
    fc.property(rates, pauses, (rate, pausesMs) => {
      const times = admitted(rate, pausesMs);
      for (let first = 0; first < times.length; first++) {
        for (let last = first; last < times.length; last++) {
          const seconds = ((times[last] ?? 0) - (times[first] ?? 0)) / 1_000;
          expect(last - first + 1).toBeLessThanOrEqual(rate.burst + rate.perSecond * seconds + 1e-6);
        }
      }
    }),
  );
});

test('who waits as long as told is admitted, and no sooner', () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 0, max: 150 }), (rate, extra) => {
      let filledMs = 0;
      for (let asked = 0; asked < rate.burst + extra; asked++) {
        const now = admission(rate, filledMs, 0);
        if (now.admitted) ({ filledMs } = now);
      }
      const full = admission(rate, filledMs, 0);
      if (full.admitted) throw new Error('the burst is not over');
      expect(admission(rate, filledMs, full.waitMs * 0.999 - 1e-6).admitted).toBe(false);
      expect(admission(rate, filledMs, full.waitMs * 1.001 + 1e-6).admitted).toBe(true);
    }),
  );
});

test('a bucket that is full by a hair admits: rounding makes nobody wait', () => {
  const rate = { perSecond: 0.21416924710143923, burst: 1 };
  const first = admission(rate, 0, 0);
  if (!first.admitted) throw new Error('the first is admitted');
  expect(admission(rate, first.filledMs, first.filledMs * 1.001).admitted).toBe(true);
});

test('a burst that is not used is not saved up beyond itself', () => {
  expect(admitted({ perSecond: 1, burst: 3 }, [0, 1e9, 0, 0, 0, 0])).toHaveLength(4);
});

test('a slow rate that was changed to a fast one leaves no debt of its own', () => {
  const slow = admission({ perSecond: 0.001, burst: 1 }, 0, 0);
  if (!slow.admitted) throw new Error('the first is admitted');
  expect(admission({ perSecond: 1_000, burst: 1 }, slow.filledMs, 2)).toMatchObject({ admitted: false });
  const later = admission({ perSecond: 1_000, burst: 1 }, slow.filledMs, 2);
  expect(later.admitted ? 0 : later.waitMs).toBeLessThanOrEqual(1);
});
