import { compressFrame, decompressFrame } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { CoveyError } from './errors/index.ts';
import { limits } from './limits.ts';
import { checkLz4Frame } from './lz4.ts';

const MIB = 1024 * 1024;
const blockMaxBytes = 4 * MIB;

describe('checkLz4Frame', () => {
  const sizesBytes = [
    0, 1, 4, 5, 11, 12, 13, 14, 15, 16, 17, 19, 100, 255, 269, 270, 271, 4_095, 4_096, 65_534, 65_535, 65_536,
    65_537, 70_000, 262_143, 262_144, 262_145, 1_048_575, 1_048_576, 1_048_577, 4_194_303, 4_194_304,
    4_194_305, 9_000_000,
  ];
  const contents: Record<string, (sizeBytes: number) => Uint8Array> = {
    zeros: (sizeBytes) => new Uint8Array(sizeBytes),
    noise: (sizeBytes) => noise(sizeBytes),
    text: (sizeBytes) =>
      new TextEncoder().encode('temperature=21.5 '.repeat(sizeBytes / 17 + 1)).subarray(0, sizeBytes),
  };

  for (const [content, make] of Object.entries(contents)) {
    it(`tells the exact decoded size of ${content}, and refuses it one byte below`, async () => {
      for (const sizeBytes of sizesBytes) {
        for (const blockChecksums of [false, true]) {
          const frame = await compressFrame(make(sizeBytes), { contentChecksum: true, blockChecksums });
          expect(checkLz4Frame(frame, sizeBytes), `${sizeBytes} bytes`).toBe(sizeBytes);
          if (sizeBytes > 0) expect(codeOf(() => checkLz4Frame(frame, sizeBytes - 1))).toBe('WIRE_BOMB');
        }
      }
    });
  }

  it('reads a frame that lies inside a larger buffer', async () => {
    const frame = await compressFrame(noise(1_000), { contentChecksum: true });
    const larger = new Uint8Array(frame.byteLength + 20).fill(0xff);
    larger.set(frame, 7);
    expect(checkLz4Frame(larger.subarray(7, 7 + frame.byteLength), MIB)).toBe(1_000);
  });

  it('refuses 4 MB that would become 1 GiB, at once and without the memory', async () => {
    const frame = await bombFrame(1024 * MIB);
    expect(frame.byteLength).toBeLessThan(5 * MIB);
    const before = process.memoryUsage();
    const startMs = performance.now();
    expect(codeOf(() => checkLz4Frame(frame, limits.telemetryBytes))).toBe('WIRE_BOMB');
    expect(checkLz4Frame(frame, 2 ** 31)).toBe(1024 * MIB);
    const tookMs = performance.now() - startMs;
    const after = process.memoryUsage();
    expect(tookMs).toBeLessThan(500);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(MIB);
    expect(after.rss - before.rss).toBeLessThan(64 * MIB);
  });

  it('predicts what the decoder gives for a frame of the same shape as the bomb', async () => {
    const frame = await compressFrame(new Uint8Array(4 * blockMaxBytes), { contentChecksum: true });
    expect(checkLz4Frame(frame, 2 ** 31)).toBe((await decompressFrame(frame)).byteLength);
  });

  it('refuses a frame cut off at any byte', async () => {
    for (const blockChecksums of [false, true]) {
      const frame = await compressFrame(mixed(600), { contentChecksum: true, blockChecksums });
      for (let end = 0; end < frame.byteLength; end++) {
        expect(
          codeOf(() => checkLz4Frame(frame.subarray(0, end), MIB)),
          `cut at ${end}`,
        ).toBe('WIRE_MALFORMED');
      }
    }
  });

  it('never lets the decoder write more than it told, whichever single byte is damaged', async () => {
    const content = mixed(600);
    const frame = await compressFrame(content, { contentChecksum: true });
    for (const damaged of singleByteDamage(frame)) {
      const sizeBytes = sizeOrRefusal(damaged);
      if (sizeBytes === undefined) continue;
      const decoded = await decompressFrame(damaged).catch(() => undefined);
      if (decoded) {
        expect(decoded.byteLength).toBe(sizeBytes);
        expect(Buffer.compare(decoded, content)).toBe(0);
      }
    }
  });

  it('refuses frames that Covey does not write', async () => {
    const frame = await compressFrame(mixed(100), { contentChecksum: true });
    const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4);
    const refused: Record<string, Uint8Array> = {
      'no content checksum': await compressFrame(mixed(100), { contentChecksum: false }),
      'four bytes that are no checksum': withByte(frame, 4, 0b0100_0000),
      'two frames': Buffer.concat([frame, frame]),
      'a skippable frame': skippable,
      'a skippable frame before': Buffer.concat([skippable, frame]),
      'a skippable frame after': Buffer.concat([frame, skippable]),
      'a trailing byte': Buffer.concat([frame, Uint8Array.of(0)]),
      'the legacy magic': withByte(frame, 0, 0x02),
      'a dictionary': withByte(frame, 4, 0b0100_0101),
      'a reserved flag': withByte(frame, 4, 0b0100_0110),
      'version 00': withByte(frame, 4, 0b0000_0100),
      'an unknown block size': withByte(frame, 5, 0x30),
      nothing: new Uint8Array(),
    };
    for (const [what, bytes] of Object.entries(refused)) {
      expect(
        codeOf(() => checkLz4Frame(bytes, MIB)),
        what,
      ).toBe('WIRE_MALFORMED');
    }
  });

  it('refuses literals that reach beyond their block, however many they claim to be', () => {
    const length = new Uint8Array(2 + MIB / 128).fill(255, 1);
    length[0] = 0xf0;
    const block = Uint8Array.of(...length, 0);
    const header = Uint8Array.of(
      0x04,
      0x22,
      0x4d,
      0x18,
      0x44,
      0x70,
      0,
      block.length & 255,
      block.length >> 8,
      0,
      0,
    );
    const frame = Buffer.concat([header, block, new Uint8Array(8)]);
    expect(() => checkLz4Frame(frame, MIB)).toThrow('ends inside literals');
  });

  it('refuses a block that decodes to more than the block size the header declares', async () => {
    const frame = await compressFrame(new Uint8Array(100_000), { contentChecksum: true });
    expect(codeOf(() => checkLz4Frame(withByte(frame, 5, 0x40), MIB))).toBe('WIRE_MALFORMED');
  });
});

/** Deterministic bytes that do not compress (xorshift32). */
function noise(sizeBytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, sizeBytes);
}

/** Half noise, half repetition: literals and matches in one block. */
function mixed(sizeBytes: number): Uint8Array {
  const bytes = noise(sizeBytes);
  bytes.copyWithin(sizeBytes / 2, 0, sizeBytes / 4);
  return bytes.fill(7, (sizeBytes * 3) / 4);
}

/** A frame whose blocks each decode to 4 MiB of zeros, as many as make `decodedBytes`; never decoded here. */
async function bombFrame(decodedBytes: number): Promise<Uint8Array> {
  const one = await compressFrame(new Uint8Array(blockMaxBytes), { contentChecksum: true });
  const header = one.subarray(0, 7);
  const block = one.subarray(7, 7 + 4 + one.readUInt32LE(7));
  const trailer = new Uint8Array(8);
  return Buffer.concat([header, ...Array<Uint8Array>(decodedBytes / blockMaxBytes).fill(block), trailer]);
}

function* singleByteDamage(frame: Uint8Array): Generator<Uint8Array> {
  for (const [index, byte] of frame.entries()) {
    for (let change = 1; change < 256; change = change * 2 + 1) yield withByte(frame, index, byte ^ change);
  }
}

function withByte(bytes: Uint8Array, index: number, byte: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[index] = byte;
  return copy;
}

function sizeOrRefusal(frame: Uint8Array): number | undefined {
  try {
    return checkLz4Frame(frame, MIB);
  } catch (error) {
    if (error instanceof CoveyError) return undefined;
    throw error;
  }
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof CoveyError) return error.code;
    throw error;
  }
  return 'accepted';
}
