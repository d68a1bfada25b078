import { CoveyError } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Case, cases } from './arbitrary.fixture.ts';
import { decodeSegment } from './decode.ts';
import { encodeTransfer, type TransferFile } from './encode.ts';
import { openTransfer, segmentsFrom, type TransferTarget } from './format.ts';

const numRuns = Number(process.env.COVEY_FUZZ_RUNS ?? 100);
const timeoutMs = 60_000 + numRuns * 200;

/** The file that a transfer decodes to. */
async function decoded(
  transfer: Uint8Array,
  target: TransferTarget,
  base?: TransferFile,
): Promise<Uint8Array> {
  const { segments, baseBytes } = openTransfer(transfer, target, base?.bytes.byteLength ?? 0);
  const parts: Uint8Array[] = [];
  for (const segment of segments) {
    const bytes = transfer.subarray(segment.offset, segment.offset + segment.sizeBytes);
    const part = await decodeSegment(segment, bytes, baseBytes, (offset, sizeBytes) => {
      if (!base) throw new Error('there is no base');
      return base.bytes.subarray(offset, offset + sizeBytes);
    });
    expect(part.byteLength).toBe(segment.targetBytes);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

test('any file comes out as it went in, from any base, however it is cut', {
  timeout: timeoutMs,
}, async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ file, base, target }) => {
      const before = Buffer.from(file.bytes);
      const transfer = encodeTransfer(file, target, base);
      expect(before.equals(file.bytes)).toBe(true);
      expect(before.equals(await decoded(transfer, target, base))).toBe(true);
      expect(encodeTransfer(file, target, base)).toEqual(transfer);
    }),
    { numRuns },
  );
});

type Damage = { at: number; value: number; cut: number };
const damages = fc.record({ at: fc.nat(), value: fc.nat(255), cut: fc.option(fc.nat(), { nil: -1 }) });

function damaged(transfer: Uint8Array, { at, value, cut }: Damage): Uint8Array {
  const copy = Uint8Array.from(transfer);
  if (copy.length > 0) copy[at % copy.length] = value;
  return cut < 0 ? copy : copy.subarray(0, cut % (copy.length + 1));
}

/** Whether it was refused; anything thrown but BUNDLE_CORRUPT is a failure. */
async function isRefused(transfer: Uint8Array, { target, base }: Case): Promise<boolean> {
  try {
    await decoded(transfer, target, base);
    return false;
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'BUNDLE_CORRUPT') return true;
    throw error;
  }
}

test('damaged and cut transfers are refused, or decode to as many bytes as they should', {
  timeout: timeoutMs,
}, async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(cases, fc.array(damages, { minLength: 1, maxLength: 8 }), async (one, changes) => {
      const transfer = encodeTransfer(one.file, one.target, one.base);
      for (const change of changes) if (await isRefused(damaged(transfer, change), one)) refused++;
    }),
    { numRuns },
  );
  expect(refused).toBeGreaterThan(numRuns / 4);
});

test('segments of noise are refused, or decode to as many bytes as they should', {
  timeout: timeoutMs,
}, async () => {
  const segment = { offset: 0, targetOffset: 0, firstChunk: 0, chunkCount: 1 };
  const bytes = fc.uint8Array({ maxLength: 600 });
  await fc.assert(
    fc.asyncProperty(
      bytes,
      fc.integer({ min: 1, max: 3_000 }),
      fc.nat(4_000),
      async (noise, targetBytes, baseBytes) => {
        let taken = 0;
        const readBase = (offset: number, sizeBytes: number) => {
          expect(offset >= 0 && offset + sizeBytes <= baseBytes).toBe(true);
          taken += sizeBytes;
          return new Uint8Array(sizeBytes);
        };
        const noisy = { ...segment, sizeBytes: noise.byteLength, targetBytes };
        try {
          expect((await decodeSegment(noisy, noise, baseBytes, readBase)).byteLength).toBe(targetBytes);
        } catch (error) {
          if (!(error instanceof CoveyError) || error.code !== 'BUNDLE_CORRUPT') throw error;
        }
        expect(taken).toBeLessThanOrEqual(2 * 1024 * 1024);
      },
    ),
    { numRuns },
  );
});

test('headers of noise are refused with BUNDLE_CORRUPT', { timeout: timeoutMs }, () => {
  const target = { sizeBytes: 10, chunks: [{ sizeBytes: 4 }, { sizeBytes: 6 }] };
  const start = Uint8Array.of(0x43, 0x56, 0x54, 0x31);
  const noise = fc
    .tuple(fc.boolean(), fc.uint8Array({ maxLength: 40 }))
    .map(([isKnown, rest]) => (isKnown ? Uint8Array.of(...start, rest.length + 8, 0, 0, 0, ...rest) : rest));
  fc.assert(
    fc.property(noise, (bytes) => {
      try {
        const { segments } = openTransfer(bytes, target, 0);
        expect(segments.reduce((sum, { targetBytes }) => sum + targetBytes, 0)).toBe(10);
      } catch (error) {
        expect(error).toMatchObject({ code: 'BUNDLE_CORRUPT' });
      }
    }),
    { numRuns },
  );
});

/** Weights as training makes them: normal, and each a step away from the one before. */
function weights(count: number, stepSize: number): { base: TransferFile; file: TransferFile } {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
  const normal = () => Array.from({ length: 12 }, uniform).reduce((sum, u) => sum + u, -6);
  const before = Float32Array.from({ length: count }, () => 0.05 * normal());
  const after = before.map((weight) => weight + stepSize * normal());
  const fileOf = (floats: Float32Array): TransferFile => ({
    bytes: new Uint8Array(floats.buffer),
    tensors: [
      { name: 'w', offset: 0, sizeBytes: floats.byteLength, type: 'float32', shape: [count / 64, 64] },
    ],
  });
  return { base: fileOf(before), file: fileOf(after) };
}

function cut(sizeBytes: number, chunkBytes: number): TransferTarget {
  const chunks = Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, (_, i) => ({
    sizeBytes: Math.min(chunkBytes, sizeBytes - i * chunkBytes),
  }));
  return { sizeBytes, chunks };
}

test('small steps of weights take half as much as the weights; nothing changed takes next to nothing', async () => {
  const { base, file } = weights(64_000, 5e-5);
  const target = cut(file.bytes.byteLength, 65_536);
  const fine = encodeTransfer(file, target, base);
  expect(fine.byteLength).toBeLessThan(file.bytes.byteLength * 0.53);
  expect(Buffer.from(file.bytes).equals(await decoded(fine, target, base))).toBe(true);
  const alone = encodeTransfer(file, target);
  expect(alone.byteLength).toBeLessThan(file.bytes.byteLength * 0.84);
  expect(encodeTransfer(base, target, base).byteLength).toBeLessThan(30);
});

test('what is fetched after an interruption starts at the segment of the first missing chunk', () => {
  const file = { bytes: new Uint8Array(3_000_000), tensors: [] };
  const target = cut(file.bytes.byteLength, 65_536);
  const transfer = openTransfer(encodeTransfer(file, target, file), target, file.bytes.byteLength);
  expect(transfer.segments.length).toBeGreaterThan(1);
  for (const [i, segment] of transfer.segments.entries()) {
    expect(segmentsFrom(transfer, segment.firstChunk)).toEqual(transfer.segments.slice(i));
    expect(segmentsFrom(transfer, segment.firstChunk + segment.chunkCount - 1)[0]).toEqual(segment);
  }
  expect(segmentsFrom(transfer, target.chunks.length)).toEqual([]);
});

test('another base gives other bytes, which their digests show', async () => {
  const { base, file } = weights(20_000, 1e-4);
  const target = cut(file.bytes.byteLength, 65_536);
  const transfer = encodeTransfer(file, target, base);
  const other = { ...base, bytes: Uint8Array.from(base.bytes, (byte) => byte ^ 1) };
  const outcome = await decoded(transfer, target, other).catch((error: unknown) => error);
  if (outcome instanceof Uint8Array) expect(Buffer.from(file.bytes).equals(outcome)).toBe(false);
  else expect(outcome).toMatchObject({ code: 'BUNDLE_CORRUPT' });
  expect(() => openTransfer(transfer, target, base.bytes.byteLength - 1)).toThrow('another base');
});
