import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CoveyError } from '../errors/index.ts';
import { limits } from '../limits.ts';
import { encodeGolden, type GoldenVector, parseGolden } from './golden.ts';
import type { Tensor } from './tensors.ts';

const fuzzRuns = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 1_000) };
const tensor = (datatype: Tensor['datatype'], shape: number[], data: number[]): Tensor => ({
  datatype,
  shape,
  data: Uint8Array.from(data),
});
const codeOf = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    if (error instanceof CoveyError) return error.code;
    throw error;
  }
  return 'none';
};
/** A file with this head, whatever it says, and these bytes where data begin. */
function fileOf(head: unknown, data: number[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const begin = Math.ceil((4 + text.byteLength) / 8) * 8;
  const bytes = new Uint8Array(begin + data.length);
  new DataView(bytes.buffer).setUint32(0, text.byteLength, true);
  bytes.set(text, 4);
  bytes.set(data, begin);
  return bytes;
}
const one = (x: object, data: number[]) =>
  fileOf({ format: 'covey-golden/1', vectors: [{ inputs: [{ name: 'x', ...x }], outputs: [] }] }, data);

const none = { name: 'x', datatype: 'INT8', shape: [0], sizeBytes: 0 };
const twice = fileOf({ format: 'covey-golden/1', vectors: [{ inputs: [none, none], outputs: [] }] }, []);

const vectors: GoldenVector[] = [
  {
    inputs: {
      10: tensor('INT8', [1], [10]),
      9: tensor('INT8', [3], [7, 8, 9]),
      half: tensor('FP16', [2, 1], [1, 2, 3, 4]),
      nothing: tensor('FP32', [0, 3], []),
      words: tensor('BYTES', [2], [1, 0, 0, 0, 65, 0, 0, 0, 0]),
    },
    outputs: { label: tensor('INT64', [], [1, 0, 0, 0, 0, 0, 0, 0]) },
  },
  {
    inputs: Object.fromEntries(
      ['ä "é', '__proto__', 'constructor', 'toString'].map((name) => [name, tensor('BOOL', [1], [1])]),
    ),
    outputs: {},
  },
];

test('round trip, with strings, empty tensors, and names in any order', () => {
  const bytes = encodeGolden(vectors);
  expect(parseGolden(bytes)).toEqual(vectors);
  const [first, second] = vectors as [GoldenVector, GoldenVector];
  const turned = Object.fromEntries(Object.entries(first.inputs).reverse());
  expect(encodeGolden([{ ...first, inputs: turned }, second])).toEqual(bytes);
});

test('data lie at multiples of 8 bytes, as the format says, and what is read is copied', () => {
  const bytes = encodeGolden([
    { inputs: { x: tensor('UINT8', [3], [1, 2, 3]) }, outputs: { y: tensor('UINT8', [1], [4]) } },
  ]);
  expect([...bytes.subarray(-9)]).toEqual([1, 2, 3, 0, 0, 0, 0, 0, 4]);
  expect((bytes.byteLength - 1) % 8).toBe(0);
  const [read] = parseGolden(Buffer.from(bytes.buffer));
  bytes.fill(0xff);
  expect([...(read?.inputs.x?.data ?? [])]).toEqual([1, 2, 3]);
});

test.each<[string, string, Uint8Array]>([
  ['too few bytes', 'INVALID_DOCUMENT', one({ datatype: 'FP32', shape: [2], sizeBytes: 4 }, [0, 0, 0, 0])],
  [
    'a size beyond numbers',
    'INVALID_DOCUMENT',
    one({ datatype: 'INT8', shape: [1e300, 1e300], sizeBytes: 0 }, []),
  ],
  ['data past the end', 'INVALID_DOCUMENT', one({ datatype: 'INT8', shape: [9], sizeBytes: 9 }, [1])],
  ['bytes after its data', 'INVALID_DOCUMENT', one({ datatype: 'INT8', shape: [1], sizeBytes: 1 }, [1, 2])],
  [
    'a string past the end',
    'INVALID_DOCUMENT',
    one({ datatype: 'BYTES', shape: [1], sizeBytes: 4 }, [255, 255, 255, 255]),
  ],
  ['too few strings', 'INVALID_DOCUMENT', one({ datatype: 'BYTES', shape: [2], sizeBytes: 4 }, [0, 0, 0, 0])],
  ['a name twice', 'INVALID_DOCUMENT', twice],
  ['no vectors', 'INVALID_DOCUMENT', fileOf({ format: 'covey-golden/1', vectors: [] }, [])],
  ['a head past the end', 'WIRE_MALFORMED', Uint8Array.of(255, 255, 255, 255, 123)],
  ['no head', 'WIRE_MALFORMED', Uint8Array.of(1, 0)],
  ['a head that is no JSON', 'WIRE_MALFORMED', Uint8Array.of(1, 0, 0, 0, 123)],
  ['more than the limit', 'PAYLOAD_TOO_LARGE', new Uint8Array(limits.goldenBytes + 1)],
])('a file with %s is refused', (_name, code, bytes) => {
  expect(codeOf(() => parseGolden(bytes))).toBe(code);
});

test('a model with as many tensors as there may be has room for its vectors', () => {
  const tensors = Object.fromEntries(
    Array.from({ length: limits.tensorsPerModel }, (_, i) => [
      `past_key_values.${i}.encoder.key`.padEnd(250, '_'),
      tensor('INT8', [1], [i % 100]),
    ]),
  );
  const many = Array.from({ length: 64 }, () => ({ inputs: tensors, outputs: tensors }));
  expect(parseGolden(encodeGolden(many))).toEqual(many);
});

test('what would be refused is not written', () => {
  const wrong = [{ inputs: { x: tensor('FP32', [2], [0, 0, 0, 0]) }, outputs: {} }];
  expect(codeOf(() => encodeGolden(wrong))).toBe('INVALID_DOCUMENT');
  expect(codeOf(() => encodeGolden([]))).toBe('INVALID_DOCUMENT');
});

test('whatever the bytes, the answer is vectors that are written as they were read, or a code', () => {
  const whole = encodeGolden(vectors);
  const changed = fc
    .array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = whole.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes;
    });
  const cut = fc.nat(whole.byteLength).map((size) => whole.slice(0, size));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), changed, cut), (bytes) => {
      let read: GoldenVector[];
      try {
        read = parseGolden(bytes);
      } catch (error) {
        if (error instanceof CoveyError) return;
        throw error;
      }
      expect(parseGolden(encodeGolden(read))).toEqual(read);
    }),
    fuzzRuns,
  );
});
