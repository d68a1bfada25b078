import { create } from '@bufbuild/protobuf';
import { CoveyError } from '@covey/protocol';
import { SummarySchema } from '@covey/protocol/telemetry-schemas';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseManifest } from './manifest.ts';
import { encodeReference, parseReference } from './reference.ts';

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test('parse functions answer anything with a value or a CoveyError', () => {
  const shaped = fc.record(
    { format: fc.constant('covey-bundle/1'), files: fc.jsonValue() },
    { requiredKeys: [] },
  );
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.jsonValue().map(json), shaped.map(json));
  const parsers = [parseReference, parseManifest];
  fc.assert(
    fc.property(bytes, (input) => {
      for (const parse of parsers) {
        try {
          parse(input);
        } catch (error) {
          if (!(error instanceof CoveyError)) throw error;
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a reference summary round trips; one that is too large or does not fit its fields is refused', () => {
  const summary = create(SummarySchema, { model: 'm', version: '1.0.0', inferences: 7, classCounts: [3, 4] });
  expect(parseReference(encodeReference(summary))).toEqual(summary);
  expect(() => parseReference(new Uint8Array(2 ** 20 + 1))).toThrow('limit');
  expect(() => encodeReference({ ...summary, inferences: 2 ** 32 })).toThrow(CoveyError);
});
