import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TensorSpec } from '@covey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseNpy } from './npy.ts';
import { readTensor } from './read.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-tensors-'));
const spec: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1, 2] };

function npy(descr: string, shape: string, data: Uint8Array): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`
    .padEnd(117, ' ')
    .concat('\n');
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from([header.length & 255, header.length >> 8]),
    Buffer.from(header),
    data,
  ]);
}

test('numbers, JSON, raw bytes and npy give the same tensor', () => {
  const data = new Uint8Array(new Float32Array([1, 2.5, -3, 4]).buffer);
  writeFileSync(join(folder, 'x.json'), '[[1, 2.5], [-3, 4]]');
  writeFileSync(join(folder, 'x.raw'), data);
  writeFileSync(join(folder, 'x.npy'), npy('<f4', '2, 2', data));
  const expected = { datatype: 'FP32', shape: [2, 2], data };
  for (const text of ['1, 2.5, -3, 4', `@${folder}/x.json`, `@${folder}/x.raw`, `@${folder}/x.npy`]) {
    expect(readTensor(spec, text)).toEqual(expected);
  }
});

test('64-bit integers keep every digit', () => {
  const tensor = readTensor({ name: 'n', datatype: 'INT64', shape: [] }, '9007199254740993');
  expect(new BigInt64Array(tensor.data.buffer)[0]).toBe(9007199254740993n);
  expect(tensor.shape).toEqual([]);
});

test.each([
  ['three elements into pairs', '1,2,3', 'do not fill'],
  ['a word', '1,two', 'is no number'],
  ['an empty place', '1,', 'is no number'],
  ['an absent file', '@/nowhere/x.npy', 'cannot read'],
])('%s is refused in words that name the fault', (_, text, words) => {
  expect(() => readTensor(spec, text)).toThrow(words);
});

test('any bytes as npy give a tensor or a clear error', () => {
  const valid = npy('<f4', '1,', new Uint8Array(4));
  const mutated = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, value]) => valid.with(at, value));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
      try {
        const tensor = parseNpy(bytes);
        expect(tensor.data.byteLength).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_DOCUMENT' });
      }
    }),
  );
});
