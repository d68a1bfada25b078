import { createHash } from 'node:crypto';
import type { VersionDetail } from '@covey/protocol/api';
import { expect, test } from 'vitest';
import { requireSameContents, type VersionContents } from './published.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const file = (path: string, text: string) => ({
  path,
  sizeBytes: text.length,
  sha256: createHash('sha256').update(text).digest('hex'),
});

const published: VersionDetail = {
  model: 'm',
  version: '1.0.0',
  number: 3,
  digest: '0'.repeat(64),
  publishedAt: 0,
  publishedBy: 'admin',
  description: 'first',
  securityCounter: 1,
  variants: [
    { name: 'fp32', sizeBytes: 4 },
    { name: 'int8-qdq', sizeBytes: 4 },
  ],
  schema: { inputs: [], outputs: [] },
  classNames: ['cat', 'dog'],
  files: [file('fp32.onnx', 'full'), file('int8-qdq.onnx', 'half'), file('golden.bin', '{}')],
  hasGolden: true,
  hasReference: false,
  serving: null,
  pipeline: null,
  requirements: null,
  provides: null,
  depends: null,
  evaluation: null,
};
const same: VersionContents = {
  description: 'first',
  securityCounter: 1,
  classNames: ['cat', 'dog'],
  variants: { fp32: bytes('full'), 'int8-qdq': bytes('half') },
  served: {},
  hasSamples: true,
};

test('the same again is fine, with or without samples for golden vectors', () => {
  expect(() => requireSameContents(published, same)).not.toThrow();
  expect(() => requireSameContents(published, { ...same, hasSamples: false })).not.toThrow();
  expect(() =>
    requireSameContents({ ...published, hasGolden: false }, { ...same, hasSamples: false }),
  ).not.toThrow();
});

test.each<[string, Partial<VersionContents>, Partial<VersionDetail>]>([
  ['variant fp32', { variants: { ...same.variants, fp32: bytes('else') } }, {}],
  ['variant int8-qdq', { variants: { fp32: bytes('full') } }, {}],
  ['variant fp16', { variants: { ...same.variants, fp16: bytes('half') } }, {}],
  ['the description', { description: null }, {}],
  ['the security counter', { securityCounter: 2 }, {}],
  ['the class names', { classNames: ['dog', 'cat'] }, {}],
  ['the class names', { classNames: null }, {}],
  ['the settings for serving', { served: { serving: { idleUnloadMs: 60_000 } } }, {}],
  ['the settings for serving', {}, { serving: { idleUnloadMs: 60_000 } }],
  ['the pipeline', {}, { pipeline: { stages: [] } }],
  ['golden vectors, which the published one lacks', {}, { hasGolden: false }],
])('another is a conflict that names %s and nothing more', (difference, wanted, known) => {
  expect(() => requireSameContents({ ...published, ...known }, { ...same, ...wanted })).toThrow(
    expect.objectContaining({
      code: 'CONFLICT',
      message: expect.stringContaining(`(number 3) and differs in ${difference};`),
    }),
  );
});
