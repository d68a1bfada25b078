import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DurationLine } from './line.ts';

test('the line is found through noise, and runs that were interrupted do not bend it', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 20, noNaN: true }),
      fc.double({ min: 0.01, max: 20, noNaN: true }),
      fc.infiniteStream(
        fc.record({
          rows: fc.integer({ min: 1, max: 32 }),
          noise: fc.double({ min: -1, max: 1, noNaN: true }),
        }),
      ),
      (rowMs, fixedMs, stream) => {
        const line = new DurationLine();
        let run = 0;
        for (const { rows, noise } of stream) {
          const durationMs = (rowMs * rows + fixedMs) * (1 + 0.02 * noise);
          // Every ninth run takes ten times as long.
          line.observe(rows, run % 9 === 4 ? durationMs * 10 : durationMs);
          if (++run === 64) break;
        }
        for (const rows of [1, 8, 32]) {
          const expected = rowMs * rows + fixedMs;
          const scale = rowMs * 32 + fixedMs;
          expect(Math.abs(line.predict(rows) - expected) / scale).toBeLessThan(0.12);
        }
      },
    ),
  );
});

test('runs of one size scale what is known; with nothing known all is by the row', () => {
  const line = new DurationLine();
  expect(line.isKnown).toBe(false);
  expect(line.predict(8)).toBe(0);
  line.observe(2, 6);
  expect(line.predict(4)).toBe(12);
  for (let run = 0; run < 64; run++) line.observe(1 + (run % 8), 2 * (1 + (run % 8)) + 10);
  expect(line.rowMs).toBeCloseTo(2);
  expect(line.fixedMs).toBeCloseTo(10);
  // The machine has become half as fast, and only lone requests come.
  for (let run = 0; run < 64; run++) line.observe(1, 24);
  expect(line.predict(1)).toBeCloseTo(24);
  expect(line.predict(8)).toBeCloseTo(52);
});

test('whatever is observed, a prediction is a time', () => {
  const runs = fc.array(
    fc.record({
      rows: fc.integer({ min: 1, max: 1_024 }),
      durationMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
    }),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(runs, fc.integer({ min: 1, max: 1_024 }), (observed, rows) => {
      const line = new DurationLine();
      for (const run of observed) line.observe(run.rows, run.durationMs);
      expect(line.predict(rows)).toBeGreaterThanOrEqual(0);
      expect(line.rowMs).toBeGreaterThanOrEqual(0);
      expect(line.fixedMs).toBeGreaterThanOrEqual(0);
    }),
  );
});
