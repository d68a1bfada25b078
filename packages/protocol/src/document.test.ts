import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { canonicalJson, checkDocument, parseDocument, parseJson } from './document.ts';
import { TagsSchema } from './ids.ts';
import { limits } from './limits.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const nested = (depth: number) => bytesOf('['.repeat(depth) + ']'.repeat(depth));
const malformed = expect.objectContaining({ name: 'CoveyError', code: 'WIRE_MALFORMED' });

describe('parseJson', () => {
  it('gives what JSON.parse gives for every document inside the limits', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseJson(bytesOf(text), 'document')).toStrictEqual(JSON.parse(text));
      }),
    );
  });

  it('accepts nesting up to the limit and refuses one level more', () => {
    expect(() => parseJson(nested(limits.documentDepth), 'document')).not.toThrow();
    expect(() => parseJson(nested(limits.documentDepth + 1), 'document')).toThrow(malformed);
    const objects = `${'{"a":'.repeat(limits.documentDepth + 1)}1${'}'.repeat(limits.documentDepth + 1)}`;
    expect(() => parseJson(bytesOf(objects), 'document')).toThrow(malformed);
  });

  it('refuses nesting that would exhaust the stack of a parser', () => {
    expect(() => parseJson(nested(60_000), 'document')).toThrow(malformed);
  });

  it('counts no brackets inside strings, whatever is escaped there', () => {
    const unit = fc.constantFrom('[', '{', '"', '\\', '\\"');
    fc.assert(
      fc.property(fc.string({ unit, minLength: 100, maxLength: 300 }), (text) => {
        expect(parseJson(bytesOf(JSON.stringify(text)), 'document')).toBe(text);
      }),
    );
  });

  it('is not misled by closing brackets that come first', () => {
    expect(() => parseJson(bytesOf(`${']'.repeat(100)}${'['.repeat(100)}`), 'document')).toThrow(malformed);
  });

  it('accepts a document of exactly the limit, and says the limit when it is exceeded', () => {
    const text = `"${'x'.repeat(98)}"`;
    expect(parseJson(bytesOf(text), 'document', 100)).toHaveLength(98);
    expect(() => parseJson(bytesOf(`${text} `), 'birth', 100)).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_TOO_LARGE',
        message: 'birth has 101 bytes, the limit is 100',
      }),
    );
    expect(() => parseJson(new Uint8Array(limits.documentBytes + 1), 'birth')).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
    );
  });

  it.each([
    ['nothing', []],
    ['a stray continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong encoding', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a cut-off sequence', [0x22, 0xe2, 0x82, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x22, 0x00, 0x22, 0x00]],
    ['NaN', [...bytesOf('NaN')]],
    ['a trailing comma', [...bytesOf('[1,]')]],
    ['two documents', [...bytesOf('{}{}')]],
  ])('refuses %s', (_what, bytes) => {
    expect(() => parseJson(Uint8Array.from(bytes), 'document')).toThrow(malformed);
  });
});

describe('parseDocument', () => {
  const schema = v.object({
    name: v.pipe(v.string(), v.maxLength(4)),
    inner: v.optional(v.object({ list: v.array(v.number()) })),
    tags: v.optional(TagsSchema),
  });
  const parse = (text: string) => parseDocument(schema, bytesOf(text), 'document');

  it('drops fields it does not know', () => {
    expect(parse('{"name":"a","later":{"x":1}}')).toStrictEqual({ name: 'a' });
  });

  it('names the document and the first field that is wrong', () => {
    expect(() => parse('{"name":"a","inner":{"list":[1,"x",true]}}')).toThrow(
      expect.objectContaining({
        code: 'INVALID_DOCUMENT',
        message: expect.stringMatching(/^document: inner\.list\.1: /),
      }),
    );
    expect(() => parse('7')).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^document: Inv/) }),
    );
  });

  it('lets no key reach a prototype', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const document = parse(`{"name":"a","${key}":{"evil":1},"tags":{"site":"x","${key}":"evil"}}`);
      expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
      expect(document).toStrictEqual({ name: 'a', tags: { site: 'x' } });
    }
    expect({}).not.toHaveProperty('evil');
  });

  it('checks values that were parsed elsewhere in the same way', () => {
    expect(checkDocument(schema, { name: 'a' }, 'document')).toStrictEqual({ name: 'a' });
    expect(() => checkDocument(schema, { name: 'abcde' }, 'document')).toThrow(
      expect.objectContaining({ code: 'INVALID_DOCUMENT' }),
    );
  });
});

describe('canonicalJson', () => {
  it('means the same as the value, so that different values differ', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toStrictEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order in which fields were set', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it('sorts keys by UTF-16 unit, number-like ones too, and writes no white space (RFC 8785, 3.2.3)', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalJson(value)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
    expect(canonicalJson({ b: [1, { z: null, a: 'x' }], '10': 1, '9': 2 })).toBe(
      '{"10":1,"9":2,"b":[1,{"a":"x","z":null}]}',
    );
  });

  it('leaves out fields that are undefined, so that they change no digest', () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
  });
});

/** The same value with the fields of every object set in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, reversed(inner)])
      .reverse(),
  );
}
