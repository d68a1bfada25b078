import { create } from '@bufbuild/protobuf';
import { CoveyError, type Tensor } from '@covey/protocol';
import { SummarySchema } from '@covey/protocol/telemetry-schemas';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeGolden, parseGolden } from './golden.ts';
import { parseManifest } from './manifest.ts';
import { encodeReference, parseReference } from './reference.ts';

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test('parse functions answer anything with a value or a CoveyError', () => {
  const shaped = fc.record(
    {
      format: fc.constantFrom('covey-golden/1', 'covey-bundle/1'),
      vectors: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.record({ inputs: fc.jsonValue(), outputs: fc.dictionary(fc.string(), fc.jsonValue()) })),
      ),
      files: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.jsonValue().map(json), shaped.map(json));
  const parsers = [parseGolden, parseReference, parseManifest];
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

test('golden vectors round trip, strings and empty tensors too', () => {
  const tensor = (datatype: Tensor['datatype'], shape: number[], data: number[]): Tensor => ({
    datatype,
    shape,
    data: Uint8Array.from(data),
  });
  const vectors = [
    {
      inputs: {
        half: tensor('FP16', [2, 1], [1, 2, 3, 4]),
        words: tensor('BYTES', [2], [1, 0, 0, 0, 65, 0, 0, 0, 0]),
        nothing: tensor('FP32', [0, 3], []),
      },
      outputs: { label: tensor('INT64', [], [1, 0, 0, 0, 0, 0, 0, 0]) },
    },
  ];
  const back = parseGolden(encodeGolden(vectors)).map(({ inputs, outputs }) =>
    [inputs, outputs].map((tensors) =>
      Object.entries(tensors).map(([name, { datatype, shape, data }]) => [name, datatype, shape, [...data]]),
    ),
  );
  expect(back).toEqual([
    [
      [
        ['half', 'FP16', [2, 1], [1, 2, 3, 4]],
        ['nothing', 'FP32', [0, 3], []],
        ['words', 'BYTES', [2], [1, 0, 0, 0, 65, 0, 0, 0, 0]],
      ],
      [['label', 'INT64', [], [1, 0, 0, 0, 0, 0, 0, 0]]],
    ],
  ]);
});

test.each([
  ['too few bytes', { datatype: 'FP32', shape: [2], data: 'AAAAAA==' }],
  ['a size beyond numbers', { datatype: 'INT8', shape: [1e300, 1e300], data: '' }],
  ['not base64', { datatype: 'INT8', shape: [1], data: 'A*==' }],
  ['a string past the end', { datatype: 'BYTES', shape: [1], data: '/////w==' }],
  ['too few strings', { datatype: 'BYTES', shape: [2], data: 'AAAAAA==' }],
])('a golden tensor with %s is refused', (_name, tensor) => {
  const bytes = json({ format: 'covey-golden/1', vectors: [{ inputs: { x: tensor }, outputs: {} }] });
  expect(() => parseGolden(bytes)).toThrow(expect.objectContaining({ code: 'INVALID_DOCUMENT' }));
});

test('a reference summary round trips; one that is too large or does not fit its fields is refused', () => {
  const summary = create(SummarySchema, { model: 'm', version: '1.0.0', inferences: 7, classCounts: [3, 4] });
  expect(parseReference(encodeReference(summary))).toEqual(summary);
  expect(() => parseReference(new Uint8Array(2 ** 20 + 1))).toThrow('limit');
  expect(() => encodeReference({ ...summary, inferences: 2 ** 32 })).toThrow(CoveyError);
});
