import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { compressFrame } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { type Telemetry, TelemetrySchema } from './generated/telemetry_pb.ts';
import { limits } from './limits.ts';
import { decodeTelemetry, encodeTelemetry } from './telemetry.ts';

const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const number = fc.double();
const sequence = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const histogram = fc.record({
  scale: fc.integer({ min: -10, max: 20 }),
  zeroCount: uint32,
  positive: fc.record({ offset: fc.integer(), counts: fc.array(uint32, { maxLength: 20 }) }),
});
const metrics = fc.record({
  fromMs: number,
  toMs: number,
  models: fc.array(
    fc.record({
      model: text,
      version: text,
      variant: text,
      provider: text,
      requests: uint32,
      latencyMs: histogram,
    }),
    { maxLength: 4 },
  ),
});
const summary = fc.record({
  model: text,
  inferences: uint32,
  classCounts: fc.array(uint32, { maxLength: 20 }),
  tensors: fc.array(
    fc.record({
      name: text,
      output: fc.boolean(),
      histogram,
      moments: fc.record({ count: uint32, mean: number }),
    }),
    { maxLength: 4 },
  ),
});
const event = fc.record({
  kind: text,
  message: text,
  dropped: fc.record({ from: sequence, to: sequence, count: uint32 }),
});
const body = fc.oneof(
  fc.record({ case: fc.constant('metrics' as const), value: metrics }),
  fc.record({ case: fc.constant('summary' as const), value: summary }),
  fc.record({ case: fc.constant('event' as const), value: event }),
  fc.record({ case: fc.constant('log' as const), value: fc.record({ level: text, message: text }) }),
);
const telemetry = fc.record({ seq: sequence, bootId: text, atMs: number, body });

describe('telemetry on the wire', () => {
  it('comes back as it went, for every kind of body', async () => {
    await fc.assert(
      fc.asyncProperty(telemetry, async (message) => {
        const decoded = await decodeTelemetry(await encodeTelemetry(message));
        expect(decoded).toStrictEqual(create(TelemetrySchema, message));
      }),
    );
  });

  it('keeps sequence numbers above 2^53 exact', async () => {
    const seq = 2n ** 64n - 1n;
    expect((await decodeTelemetry(await encodeTelemetry({ seq }))).seq).toBe(seq);
  });

  it('refuses every frame with one byte damaged, or decodes it to the same message', async () => {
    const frame = await encodeTelemetry(sample);
    const intact = await decodeTelemetry(frame);
    const outcomes = new Set<string>();
    for (let index = 0; index < frame.byteLength; index++) {
      for (let change = 1; change < 256; change++) {
        const damaged = Uint8Array.from(frame);
        damaged[index] = (frame[index] ?? 0) ^ change;
        const outcome = await decodeOrCode(damaged);
        if (typeof outcome !== 'string') expect(outcome).toStrictEqual(intact);
        else outcomes.add(outcome);
      }
    }
    expect([...outcomes].sort()).toEqual(['WIRE_CHECKSUM', 'WIRE_MALFORMED']);
  });

  it('refuses a frame cut off at any byte', async () => {
    const frame = await encodeTelemetry(sample);
    for (let end = 0; end < frame.byteLength; end++) {
      expect(await decodeOrCode(frame.subarray(0, end))).toBe('WIRE_MALFORMED');
    }
  });

  it('refuses a wrong header checksum', async () => {
    const frame = Uint8Array.from(await encodeTelemetry(sample));
    frame[6] = (frame[6] ?? 0) ^ 1;
    expect(await decodeOrCode(frame)).toBe('WIRE_CHECKSUM');
  });

  it('refuses a content size that the blocks do not have, without reserving it', async () => {
    // 100 zeros under a header, with a right checksum of its own, that claims 4 TB.
    const frame = Buffer.from(CONTENT_SIZE_FRAME, 'hex');
    expect(await decodeOrCode(frame)).toBe('WIRE_CHECKSUM');
  });

  it('refuses a frame that decodes above the limit, and accepts one at the limit', async () => {
    const atLimit = await frameOf(paddedMessage(limits.telemetryBytes));
    expect(await decodeOrCode(atLimit)).toMatchObject({ bootId: expect.stringMatching(/^ +$/) });
    expect(await decodeOrCode(await frameOf(paddedMessage(limits.telemetryBytes + 1)))).toBe('WIRE_BOMB');
  });

  it('refuses to send what nobody would accept', async () => {
    await expect(encodeTelemetry({ bootId: ' '.repeat(limits.telemetryBytes) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  it('refuses an intact frame that holds no telemetry', async () => {
    // An unknown field 15 that opens a group inside a group, and so on: must not exhaust the stack.
    const groups = new Uint8Array(500_000).fill(0x7b);
    for (const bytes of [Uint8Array.of(0x0a), Uint8Array.of(0xff, 0xff), groups]) {
      expect(await decodeOrCode(await frameOf(bytes))).toBe('WIRE_MALFORMED');
    }
  });
});

const CONTENT_SIZE_FRAME = '04224d186c4000409452a3030000d70c0000001f0001004a60000000000000000000003c41f685';

const sample = {
  seq: 42n,
  bootId: 'boot-1',
  atMs: 1_700_000_000_000,
  body: {
    case: 'log' as const,
    value: { level: 'info', message: 'aaaaaaaaaaaaaaaaaaaaaaaa', component: 'link' },
  },
};

/** A message of exactly `sizeBytes` bytes: a tag, a length of three bytes, spaces. */
function paddedMessage(sizeBytes: number): Uint8Array {
  return toBinary(TelemetrySchema, create(TelemetrySchema, { bootId: ' '.repeat(sizeBytes - 4) }));
}

function frameOf(bytes: Uint8Array): Promise<Uint8Array> {
  return compressFrame(bytes, { contentChecksum: true });
}

/** The decoded message, or the code of the CoveyError that refused it; anything else thrown fails the test. */
async function decodeOrCode(frame: Uint8Array): Promise<Telemetry | string> {
  try {
    return await decodeTelemetry(frame);
  } catch (error) {
    expect(error).toMatchObject({ name: 'CoveyError' });
    return (error as { code: string }).code;
  }
}
