import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TensorSpec } from '@covey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { npyFile } from './files.fixture.ts';
import { parseNpy } from './npy.ts';
import { readTensor } from './read.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-tensors-'));
const spec: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1, 2] };

test('numbers, JSON, raw bytes and npy give the same tensor', () => {
  const data = new Uint8Array(new Float32Array([1, 2.5, -3, 4]).buffer);
  writeFileSync(join(folder, 'x.json'), '[[1, 2.5], [-3, 4]]');
  writeFileSync(join(folder, 'x.raw'), data);
  writeFileSync(join(folder, 'x.npy'), npyFile('<f4', '2, 2', data));
  const expected = { datatype: 'FP32', shape: [2, 2], data };
  for (const text of ['1, 2.5, -3, 4', `@${folder}/x.json`, `@${folder}/x.raw`, `@${folder}/x.npy`]) {
    expect(readTensor(spec, text)).toEqual(expected);
  }
});

test('texts, and files such as pictures, as elements after their lengths', () => {
  const texts: TensorSpec = { name: 't', datatype: 'BYTES', shape: [-1] };
  writeFileSync(join(folder, 'texts.json'), '["a", "bc"]');
  const two = { datatype: 'BYTES', shape: [2], data: Uint8Array.of(1, 0, 0, 0, 97, 2, 0, 0, 0, 98, 99) };
  expect(readTensor(texts, 'a,bc')).toEqual(two);
  expect(readTensor(texts, `@${folder}/texts.json`)).toEqual(two);
  writeFileSync(join(folder, 'picture.png'), Uint8Array.of(137, 80));
  const picture = { datatype: 'BYTES', shape: [1, 1], data: Uint8Array.of(2, 0, 0, 0, 137, 80) };
  expect(readTensor({ ...texts, shape: [-1, 1] }, `@${folder}/picture.png`)).toEqual(picture);
  writeFileSync(join(folder, 'numbers.json'), '[1]');
  expect(() => readTensor(texts, `@${folder}/numbers.json`)).toThrow('other things than texts');
});

test('64-bit integers keep every digit', () => {
  const tensor = readTensor({ name: 'n', datatype: 'INT64', shape: [] }, '9007199254740993');
  expect(new BigInt64Array(tensor.data.buffer)[0]).toBe(9007199254740993n);
  expect(tensor.shape).toEqual([]);
});

test('shapes: files carry theirs, flat numbers fill what is open, of several open dimensions the leading one is a batch of one', () => {
  const data = new Uint8Array(24);
  writeFileSync(join(folder, 'zeros.npy'), npyFile('<f4', '2, 3', data));
  writeFileSync(join(folder, 'zeros.json'), '[[0, 0, 0], [0, 0, 0]]');
  writeFileSync(join(folder, 'flat.json'), '[0, 0, 0, 0, 0, 0]');
  const shapeOf = (shape: number[], text: string) => readTensor({ ...spec, shape }, text).shape;
  for (const text of [`@${folder}/zeros.npy`, `@${folder}/zeros.json`]) {
    expect(shapeOf([-1, -1], text)).toEqual([2, 3]);
    expect(shapeOf([1, 2, 3], text)).toEqual([1, 2, 3]);
    expect(() => shapeOf([3, 2], text)).toThrow('has the shape [3,2], the file holds [2,3]');
  }
  for (const text of [`@${folder}/flat.json`, '0,0,0,0,0,0']) {
    expect(shapeOf([-1, -1], text)).toEqual([1, 6]);
    expect(shapeOf([2, -1, 3], text)).toEqual([2, 1, 3]);
    expect(() => shapeOf([-1, 3, -1, -1], text)).toThrow('several dimensions open');
  }
  writeFileSync(join(folder, 'ragged.json'), '[[1, 2], [3]]');
  expect(() => shapeOf([-1, 2], `@${folder}/ragged.json`)).toThrow('differ in length');
});

test.each([
  ['three elements into pairs', '1,2,3', 'do not fill'],
  ['a word', '1,two', 'is no number'],
  ['an empty place', '1,', 'is no number'],
  ['an absent file', '@/nowhere/x.npy', 'cannot read'],
])('%s is refused in words that name the fault', (_, text, words) => {
  expect(() => readTensor(spec, text)).toThrow(words);
});

test.each<[TensorSpec['datatype'], string, string]>([
  ['UINT8', '256', 'beyond what UINT8 holds'],
  ['UINT8', '-1', 'beyond what UINT8 holds'],
  ['INT8', '128', 'beyond what INT8 holds'],
  ['INT32', '1.5', 'is no whole number'],
  ['INT64', '9223372036854775808', 'beyond what INT64 holds'],
])('%s does not hold %s, and nothing is rounded into it', (datatype, text, words) => {
  expect(() => readTensor({ name: 'n', datatype, shape: [1] }, text)).toThrow(words);
});

test('any bytes as npy give a tensor or a clear error', () => {
  const valid = npyFile('<f4', '1,', new Uint8Array(4));
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
