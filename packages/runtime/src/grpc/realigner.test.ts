import { elementBytes } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Realigner } from './realigner.ts';

const datatypes = ['UINT8', 'FP16', 'FP32', 'INT64'] as const;

test('tensors keep their bytes wherever they stand, and the first is always aligned', () => {
  const tensors = fc.array(
    fc.record({
      gap: fc.integer({ min: 2, max: 9 }),
      bytes: fc.uint8Array({ maxLength: 40 }),
      datatype: fc.constantFrom(...datatypes),
    }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(tensors, (given) => {
      const message = new Uint8Array(new SharedArrayBuffer(400));
      let offset = 0;
      const placed = given.map(({ gap, bytes }) => {
        offset += gap;
        message.set(bytes, offset);
        offset += bytes.length;
        return message.subarray(offset - bytes.length, offset);
      });
      const inPlace = new Realigner();
      const moved = placed.map((bytes, i) => inPlace.aligned(bytes, given[i]?.datatype ?? 'UINT8'));
      for (const [i, { bytes }] of given.entries()) expect([...(moved[i] ?? [])]).toEqual([...bytes]);
      expect((moved[0]?.byteOffset ?? 0) % elementBytes[given[0]?.datatype ?? 'UINT8']).toBe(0);
    }),
  );
});
