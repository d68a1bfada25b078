import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeRunSlot, runningBundles, runSlotBytes } from './run-record.ts';

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);

test('names exactly the bundles whose slot is marked', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(digest, fc.boolean()), { maxLength: 8 }), (slots) => {
      const record = Buffer.concat(slots.map(([bundle, isRunning]) => encodeRunSlot(bundle, isRunning)));
      const expected = new Set(slots.filter(([, isRunning]) => isRunning).map(([bundle]) => bundle));
      expect(new Set(runningBundles(record))).toEqual(expected);
    }),
  );
});

test('a damaged or cut record names nobody it cannot name', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 * runSlotBytes }), (bytes) => {
      for (const bundle of runningBundles(bytes)) expect(bundle).toMatch(/^[0-9a-f]{64}$/);
    }),
  );
});
