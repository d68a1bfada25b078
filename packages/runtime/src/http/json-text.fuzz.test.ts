import { CoveyError } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isNested, nestedShape, tensorFromJson } from './json-tensors.ts';
import { parseJson } from './json-text.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const runs = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 80) };
const timeoutMs = 60_000 + runs.numRuns * 10;

const parse = (text: string, exact: boolean) => parseJson(Buffer.from(text), 'document', exact);

test(
  'without long numbers, exact parsing is parsing',
  () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        const hasLong = /\d{16}/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, ''));
        fc.pre(!hasLong);
        expect(parse(text, true)).toEqual(JSON.parse(text));
      }),
      runs,
    );
  },
  timeoutMs,
);

test(
  '64-bit integers are exact beside texts full of digits, fractions and exponents',
  () => {
    const number = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
      fc.constantFrom('0.12345678901234567890', '1e300', '12345678901234567890e-3', '-0'),
    );
    const digits = fc.string({
      unit: fc.constantFrom('"', '\\', '1', '-', '.', 'e', '9', ' '),
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.array(number, { maxLength: 6 }), digits, (numbers, text) => {
        const document = `{"a":${JSON.stringify(text)},"n":[${numbers.join(',')}]}`;
        const parsed = parse(document, true) as { a: string; n: unknown[] };
        expect(parsed.a).toBe(text);
        parsed.n.forEach((value, i) => {
          const source = numbers[i] ?? '';
          if (/^-?\d+$/.test(source)) expect(BigInt(value as string | number)).toBe(BigInt(source));
          else expect(value).toBe(JSON.parse(source));
        });
      }),
      runs,
    );
  },
  timeoutMs,
);

test(
  'garbage is an error of ours, large or small',
  () => {
    const pieces = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      '"',
      '\\',
      ',',
      ':',
      '1',
      'null',
      '\u0000',
      'ä',
      '1234567890123456',
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 60 }),
        fc.constantFrom(1, 4_000),
        fc.boolean(),
        (list, times, exact) => {
          try {
            parse(list.join('').repeat(times), exact);
          } catch (error) {
            expect(error).toBeInstanceOf(CoveyError);
          }
        },
      ),
      runs,
    );
  },
  timeoutMs,
);

test(
  'nested lists that are as their shape says become tensors; others do not',
  () => {
    const nested = fc.letrec((tie) => ({
      part: fc.oneof(
        { depthSize: 'small' },
        fc.integer({ min: -9, max: 9 }),
        fc.array(tie('part'), { maxLength: 3 }),
      ),
    })).part;
    fc.assert(
      fc.property(nested, (data) => {
        const shape = nestedShape(data);
        if (!isNested(data, shape)) return;
        const flat = [data].flat(Number.POSITIVE_INFINITY);
        const tensor = tensorFromJson('x', 'INT8', shape, data);
        expect([...new Int8Array(tensor.data)]).toEqual(flat);
      }),
      runs,
    );
  },
  timeoutMs,
);
