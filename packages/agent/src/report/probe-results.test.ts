import { limits, type ProbeResult, parseDocument, type Reported, ReportedSchema } from '@covey/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { reportable } from './probe-results.ts';

const result = fc.record({
  ...{ model: fc.constant('m'), version: fc.constant('1.0.0'), variant: fc.constant('fp32') },
  ...{
    provider: fc.constantFrom('cpu' as const, 'webgpu' as const),
    threads: fc.integer({ min: 1, max: 64 }),
  },
  ...{
    ok: fc.boolean(),
    chosen: fc.boolean(),
    reason: fc.string({ maxLength: limits.reasonChars, unit: 'grapheme' }),
  },
  ...{ maxError: fc.constant(0.1), latencyMs: fc.constant(1.5), memoryBytes: fc.constant(1e6) },
});

it('keeps a report within its bounds, in order, and drops nothing chosen before what was not', () => {
  const repeated = fc.tuple(fc.array(result, { maxLength: 12 }), fc.integer({ min: 1, max: 60 }));
  fc.assert(
    fc.property(repeated, ([some, times]) => {
      const results = Array.from({ length: times }, () =>
        some.map((one): ProbeResult => ({ ...one })),
      ).flat();
      const kept = reportable(results);
      expect(kept.length).toBeLessThanOrEqual(limits.probeResults);
      expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThanOrEqual(limits.documentBytes / 2 + 1);
      expect(kept).toEqual(results.filter((one) => kept.includes(one)));
      const dropped = results.filter((one) => !kept.includes(one));
      if (dropped.some(({ chosen }) => chosen)) expect(kept.every(({ chosen }) => chosen)).toBe(true);
    }),
  );
});

it('keeps all of an ordinary report, and it passes the schema', () => {
  const [one] = fc.sample(result, 1);
  if (!one) throw new Error('no sample');
  const results = Array.from({ length: 20 }, () => ({ ...one, reason: 'x' }));
  expect(reportable(results)).toEqual(results);
  const reported: Reported = {
    ...{ generation: 1, state: 'committed', serving: [], releaseId: null, runtimeDeaths: 0 },
    probe: reportable(results),
  };
  expect(parseDocument(ReportedSchema, Buffer.from(JSON.stringify(reported)), 'report')).toEqual(reported);
});
