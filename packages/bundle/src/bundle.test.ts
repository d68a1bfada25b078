import { CoveyError, type Manifest, type Tensor } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BundleSource, buildBundle } from './build.ts';
import { sha256 } from './digest.ts';
import { assembleFile, FileVerifier, verifyChunk } from './files.ts';
import { checkManifest, parseManifest } from './manifest.ts';

const model = Uint8Array.from({ length: 150_000 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24);
const scalar: Tensor = { datatype: 'FP32', shape: [1], data: new Uint8Array(4) };

const source: BundleSource = {
  model: 'bearing',
  version: '1.0.0',
  createdAt: '2026-01-01T00:00:00Z',
  securityCounter: 1,
  schema: {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
    outputs: [{ name: 'p', datatype: 'FP32', shape: [-1] }],
  },
  classification: { output: 'p', classNames: ['no', 'yes'] },
  variants: [
    {
      name: 'fp32',
      bytes: model,
      tensors: [
        { offset: 0, sizeBytes: 40_000 },
        { offset: 40_000, sizeBytes: 60_000 },
      ],
      tolerances: [{ kind: 'elements', absolute: 1e-5, relative: 0 }],
    },
  ],
  golden: [{ inputs: { x: scalar }, outputs: { p: scalar } }],
  evaluation: { accuracy: 0.9 },
};
const bundle = buildBundle(source);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof CoveyError) return error.code;
    throw error;
  }
  return 'none';
}

async function assemble(file: Manifest['files'][number], chunks: Map<string, Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of assembleFile(file, async (digest) => chunks.get(digest))) parts.push(part);
  return Buffer.concat(parts);
}

function modelFile(): Manifest['files'][number] {
  const file = bundle.manifest.files.find(({ path }) => path === 'fp32.onnx');
  if (file === undefined) throw new Error('the bundle has its variant');
  return file;
}

test('round trip: what is built is read and assembled to the same bytes', async () => {
  const manifest = parseManifest(bundle.manifestBytes);
  expect(manifest).toEqual(bundle.manifest);
  expect(sha256(bundle.manifestBytes)).toBe(bundle.digest);
  expect(manifest.files.map(({ path }) => path)).toEqual(['fp32.onnx', 'golden.bin', 'evaluation.json']);
  expect(modelFile().chunks.map(({ sizeBytes }) => sizeBytes)).toEqual([40_000, 60_000, 50_000]);
  expect((await assemble(modelFile(), bundle.chunks)).equals(model)).toBe(true);
});

test('building again gives the same bytes', () => {
  expect(buildBundle({ ...source }).manifestBytes).toEqual(bundle.manifestBytes);
});

test('any changed, lost or added byte of a chunk is refused', () => {
  const [expected] = modelFile().chunks;
  const good = expected && bundle.chunks.get(expected.sha256);
  if (!expected || !good) throw new Error('the bundle has its chunks');
  verifyChunk(good, expected);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const tampered = Uint8Array.from(good);
      tampered[at] = (tampered[at] as number) ^ flip;
      expect(codeOf(() => verifyChunk(tampered, expected))).toBe('BUNDLE_CORRUPT');
    }),
  );
  expect(codeOf(() => verifyChunk(good.subarray(1), expected))).toBe('BUNDLE_CORRUPT');
  expect(codeOf(() => verifyChunk(Buffer.concat([good, good]), expected))).toBe('BUNDLE_CORRUPT');
});

test.each([
  ['../etc/passwd'],
  ['/etc/passwd'],
  ['a/../b'],
  ['a//b'],
  ['.hidden'],
  ['a\\b'],
  ['a\0b'],
  ['fp32.onnx/x'],
  ['FP32.onnx'],
  ['golden.bin'],
])('a bundle with the hostile or clashing path %j is refused', (file) => {
  const extra: BundleSource['variants'][number] = {
    name: 'int8-qdq',
    bytes: model,
    tolerances: [{ kind: 'elements', absolute: 1, relative: 0 }],
    file,
  };
  const build = () => buildBundle({ ...source, variants: [...source.variants, extra] });
  expect(codeOf(build)).toBe('INVALID_DOCUMENT');
});

const [firstFile, ...otherFiles] = bundle.manifest.files;
if (firstFile === undefined) throw new Error('a bundle has files');
const [firstChunk] = firstFile.chunks;
test.each<[string, Partial<Manifest>]>([
  ['a path that is not there', { golden: 'nowhere.json' }],
  [
    'a tolerance for an output that is not there',
    {
      variants: bundle.manifest.variants.map((variant) => ({
        ...variant,
        tolerances: [{ kind: 'classes', output: 'q', margin: 0 }],
      })),
    },
  ],
  ['a file twice', { files: [...bundle.manifest.files, firstFile] }],
  ['sizes that do not add up', { files: [{ ...firstFile, sizeBytes: 1 }, ...otherFiles] }],
  [
    'a chunk of two sizes',
    {
      files: [
        ...bundle.manifest.files,
        {
          ...firstFile,
          path: 'x',
          sizeBytes: 1,
          chunks: firstChunk ? [{ ...firstChunk, sizeBytes: 1 }] : [],
        },
      ],
    },
  ],
  ['a variant twice', { variants: [...bundle.manifest.variants, ...bundle.manifest.variants] }],
  ['a foreign classification', { classification: { output: 'q', classNames: ['a', 'b'] } }],
  [
    'an input twice',
    { schema: { ...source.schema, inputs: [...source.schema.inputs, ...source.schema.inputs] } },
  ],
  ['no variant', { variants: [] }],
])('a manifest with %s is refused, made or read', (_name, wrong) => {
  const manifest = { ...bundle.manifest, ...wrong };
  expect(codeOf(() => checkManifest(manifest))).toBe('INVALID_DOCUMENT');
  expect(codeOf(() => parseManifest(Buffer.from(JSON.stringify(manifest))))).toBe('INVALID_DOCUMENT');
});

test('a missing, swapped or surplus chunk is refused', async () => {
  const file = modelFile();
  const [first, second] = file.chunks.map(({ sha256 }) => bundle.chunks.get(sha256));
  if (!first || !second) throw new Error('the bundle has its chunks');
  const without = new Map([...bundle.chunks].filter(([, bytes]) => bytes !== second));
  await expect(assemble(file, without)).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE' });

  const verifier = new FileVerifier(file);
  expect(codeOf(() => verifier.add(second))).toBe('BUNDLE_CORRUPT');
  verifier.add(first);
  expect(codeOf(() => verifier.finish())).toBe('BUNDLE_INCOMPLETE');

  const empty = new FileVerifier({ ...file, chunks: [], sizeBytes: 0 });
  expect(codeOf(() => empty.add(first))).toBe('BUNDLE_CORRUPT');
});

test('chunks that are right but not the file are refused', async () => {
  const file = { ...modelFile(), sha256: '0'.repeat(64) };
  await expect(assemble(file, bundle.chunks)).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
});

test('golden vectors that do not fit the schema are refused', () => {
  const golden = (inputs: Record<string, Tensor>, outputs: Record<string, Tensor>) =>
    codeOf(() => buildBundle({ ...source, golden: [{ inputs, outputs }] }));
  expect(golden({}, { p: scalar })).toBe('INVALID_DOCUMENT');
  expect(golden({ x: scalar }, {})).toBe('INVALID_DOCUMENT');
  expect(golden({ x: scalar, y: scalar }, { p: scalar })).toBe('INVALID_DOCUMENT');
  expect(golden({ x: { ...scalar, shape: [1, 1] } }, { p: scalar })).toBe('INVALID_DOCUMENT');
  expect(golden({ x: { ...scalar, datatype: 'INT32' } }, { p: scalar })).toBe('INVALID_DOCUMENT');
});
