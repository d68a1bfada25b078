import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { DeviceIdSchema, DigestSchema, NameSchema, TagsSchema, TimeSchema, VersionSchema } from './ids.ts';
import { limits } from './limits.ts';
import { BundlePathSchema } from './manifest.ts';

interface Case {
  schema: v.GenericSchema;
  valid: unknown[];
  invalid: unknown[];
}

const digest = '0123456789abcdef'.repeat(4);
const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`tag${i}`, 'x']));

const cases: Record<string, Case> = {
  name: {
    schema: NameSchema,
    valid: ['a', '0', 'a-b', 'int8-qdq', 'v1.2_x', 'a'.repeat(limits.nameChars)],
    invalid: [
      '',
      '-a',
      'a-',
      '.',
      '..',
      '.a',
      'A',
      'a b',
      'a/b',
      'a\n',
      'é',
      'a'.repeat(limits.nameChars + 1),
      1,
      null,
    ],
  },
  'device id': {
    schema: DeviceIdSchema,
    valid: ['a', 'edge-01', '0', 'a'.repeat(limits.nameChars)],
    invalid: [
      '',
      '-a',
      'a-',
      'a.b',
      'a_b',
      'A',
      'a/b',
      '+',
      '#',
      'a\n',
      'a'.repeat(limits.nameChars + 1),
      {},
    ],
  },
  version: {
    schema: VersionSchema,
    valid: ['0.0.0', '1.2.3', '10.20.30', '1.0.0-rc.1', '1.0.0-alpha-b.0'],
    invalid: [
      '',
      '1',
      '1.2',
      'v1.2.3',
      '01.2.3',
      '1.2.3+build',
      '1.2.3-',
      '1.2.3-a..b',
      '1.2.3\n',
      `1.2.${'3'.repeat(70)}`,
    ],
  },
  digest: {
    schema: DigestSchema,
    valid: [digest],
    invalid: ['', digest.toUpperCase(), digest.slice(1), `${digest}0`, `sha256:${digest}`, `${digest}\n`],
  },
  tags: {
    schema: TagsSchema,
    valid: [{}, { site: 'Halle 3' }, tags(limits.tagsPerDevice), { site: 'x'.repeat(128) }],
    invalid: [
      { Site: 'x' },
      { site: 1 },
      { '': 'x' },
      { site: 'x'.repeat(129) },
      tags(limits.tagsPerDevice + 1),
      null,
    ],
  },
  time: {
    schema: TimeSchema,
    valid: [0, 1_700_000_000_000],
    invalid: [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '0', null],
  },
  'bundle path': {
    schema: BundlePathSchema,
    valid: ['model.onnx', 'variants/int8-qdq/model.onnx', '_a'],
    invalid: [
      '',
      '/a',
      '..',
      '../a',
      'a/../b',
      'a//b',
      'a/',
      '.hidden',
      'a/.b',
      'a\\b',
      'C:a',
      'a\0',
      'a\n',
      'a/b/c/d/e/f',
    ],
  },
};

describe.each(Object.entries(cases))('%s', (_name, { schema, valid, invalid }) => {
  it.each(valid.map((value) => [value]))('accepts %j', (value) => {
    expect(v.safeParse(schema, value)).toMatchObject({ success: true, output: value });
  });
  it.each(invalid.map((value) => [value]))('refuses %j', (value) => {
    expect(v.is(schema, value)).toBe(false);
  });
});
