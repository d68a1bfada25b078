import fc from 'fast-check';
import { expect, test } from 'vitest';
import { areSameBytes } from './bytes.ts';

test('bytes are compared as Buffer compares them, wherever they lie', () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const offset = fc.nat(7);
  const placed = (content: Uint8Array, at: number) => {
    const memory = new Uint8Array(new SharedArrayBuffer(content.length + at));
    memory.set(content, at);
    return memory.subarray(at);
  };
  fc.assert(
    fc.property(bytes, bytes, offset, offset, fc.nat(39), (a, b, atA, atB, changed) => {
      expect(areSameBytes(placed(a, atA), placed(a, atB))).toBe(true);
      expect(areSameBytes(placed(a, atA), placed(b, atB))).toBe(Buffer.compare(a, b) === 0);
      const other = a.map((byte, i) => (i === changed ? byte ^ 1 : byte));
      expect(areSameBytes(placed(a, atA), placed(other, atB))).toBe(changed >= a.length);
    }),
  );
});
