import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { compressFrame } from 'lz4-napi';
import type * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parseDocument } from './document.ts';
import { CoveyError } from './errors/index.ts';
import { evaluationReport, everyTolerance } from './evaluation.fixture.ts';
import { EvaluationReportSchema } from './evaluation.ts';
import { TelemetrySchema } from './generated/telemetry_pb.ts';
import { limits } from './limits.ts';
import { checkLz4Frame } from './lz4.ts';
import { ManifestSchema } from './manifest.ts';
import {
  BirthSchema,
  CommandSchema,
  DeathSchema,
  DesiredSchema,
  EnrolmentAnswerSchema,
  EnrolmentRequestSchema,
  EnrolmentTokenSchema,
  GetSchema,
  ReceiptSchema,
  ReportedMessageSchema,
} from './messages.ts';
import { decodeTelemetry } from './telemetry.ts';
import { GoldenHeadSchema } from './tensors/index.ts';
import { VariantFolderSchema } from './variant-folder.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const fuzzRuns = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 200) };

const timeoutMs = 60_000 + fuzzRuns.numRuns * 10;
const bytes = fc.uint8Array({ maxLength: 2_000 });

/** Changes to make to a valid input: overwrite, insert or cut bytes at a place given as a share of the length. */
const damage = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.nat({ max: 8 }),
    insert: fc.uint8Array({ maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 4 },
);
type Damage = { at: number; remove: number; insert: Uint8Array };

describe('whatever bytes arrive, a parser answers or throws a CoveyError', () => {
  it(
    'checkLz4Frame, on noise behind a good header',
    () => {
      fc.assert(
        fc.property(bytes, fc.constantFrom(0x40, 0x50, 0x60, 0x70), (noise, blockSize) => {
          const frame = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x44, blockSize, 0, ...noise);
          const sizeBytes = orRefusal(() => checkLz4Frame(frame, limits.telemetryBytes));
          if (typeof sizeBytes === 'number') expect(sizeBytes).toBeLessThanOrEqual(limits.telemetryBytes);
        }),
        fuzzRuns,
      );
    },
    timeoutMs,
  );

  it(
    'decodeTelemetry, on noise, on noise in an intact frame, on damaged frames and on damaged messages',
    async () => {
      const message = toBinary(TelemetrySchema, create(TelemetrySchema, telemetry));
      const frame = await compressFrame(message, { contentChecksum: true });
      const intact = (content: Uint8Array) => compressFrame(content, { contentChecksum: true });
      await fc.assert(
        fc.asyncProperty(bytes, damage, async (noise, changes) => {
          const inputs = [
            noise,
            await intact(noise),
            damaged(frame, changes),
            await intact(damaged(message, changes)),
          ];
          for (const input of inputs) await decodeTelemetry(input).catch(expectCoveyError);
        }),
        fuzzRuns,
      );
    },
    timeoutMs,
  );

  it.each(Object.entries(documents()))(
    'parseDocument of %s',
    (name, { schema, valid }) => {
      const text = new TextEncoder().encode(JSON.stringify(valid));
      expect(parseDocument(schema, text, name), 'the undamaged document').toEqual(valid);
      const parse = (input: Uint8Array) => orRefusal(() => parseDocument(schema, input, name));
      fc.assert(
        fc.property(bytes, damage, fc.json(), (noise, changes, json) => {
          parse(noise);
          parse(damaged(text, changes));
          parse(new TextEncoder().encode(json));
        }),
        fuzzRuns,
      );
      fc.assert(
        fc.property(fc.jsonValue(), fc.nat(), (value, at) => {
          parse(new TextEncoder().encode(withValueAt(valid, at, value)));
        }),
        fuzzRuns,
      );
    },
    timeoutMs,
  );
});

const telemetry = {
  seq: 7n,
  bootId: 'boot-1',
  body: {
    case: 'metrics' as const,
    value: {
      models: [
        {
          model: 'bearing',
          requests: 3,
          latencyMs: { scale: 5, positive: { offset: -3, counts: [1, 2, 3] } },
        },
      ],
    },
  },
};

/** A valid document of every schema that reads JSON from outside. */
function documents(): Record<string, { schema: v.GenericSchema; valid: unknown }> {
  const digest = 'ab'.repeat(32);
  const ref = { model: 'bearing', version: '1.2.0', number: 3, bundle: digest };
  const tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], sizeBytes: 8 };
  const spec = { name: 'x', datatype: 'FP32', shape: [-1, 2] };
  const tags = { site: 'north' };
  const now = 1_700_000_000_000;
  return {
    ...stateDocuments(digest, ref, tags, now),
    manifest: {
      schema: ManifestSchema,
      valid: {
        format: 'covey-bundle/1',
        model: 'bearing',
        version: '1.2.0',
        createdAt: '2026-01-02T03:04:05Z',
        securityCounter: 1,
        schema: { inputs: [spec], outputs: [spec] },
        variants: [
          {
            name: 'fp32',
            file: 'model.onnx',
            tolerances: everyTolerance,
          },
        ],
        files: [
          { path: 'model.onnx', sizeBytes: 9, sha256: digest, chunks: [{ sha256: digest, sizeBytes: 9 }] },
        ],
      },
    },
    'evaluation report': { schema: EvaluationReportSchema, valid: evaluationReport(digest) },
    'variant folder': {
      schema: VariantFolderSchema,
      valid: {
        format: 'covey-variants/1',
        schema: { inputs: [spec], outputs: [spec] },
        variants: [{ name: 'fp32', file: 'fp32.onnx', sha256: digest, tolerances: everyTolerance }],
        golden: 'golden.bin',
        reference: 'reference.pb',
        evaluation: 'evaluation.json',
      },
    },
    'head of golden vectors': {
      schema: GoldenHeadSchema,
      valid: { format: 'covey-golden/1', vectors: [{ inputs: [tensor], outputs: [tensor] }] },
    },
  };
}

function stateDocuments(digest: string, ref: object, tags: object, now: number) {
  const url = 'https://controller.example:8080';
  return {
    desired: {
      schema: DesiredSchema,
      valid: {
        generation: 4,
        release: { id: digest, models: [ref] },
        soak: { minSamples: 10, maxDurationMs: 60_000, minAgreement: 0.95, maxErrorRate: 0.01 },
        setBy: { kind: 'rollout', id: 'r1' },
        setAt: now,
        now,
      },
    },
    reported: {
      schema: ReportedMessageSchema,
      valid: {
        seq: 1,
        bootId: 'b',
        at: now,
        reported: {
          generation: 4,
          state: 'soaking',
          probe: [],
          serving: [{ ...ref, variant: 'fp32', provider: 'cpu' }],
          releaseId: null,
          runtimeDeaths: 0,
        },
      },
    },
    birth: {
      schema: BirthSchema,
      valid: {
        bootId: 'b',
        at: now,
        nextSeq: 1,
        agentVersion: '0.1.0',
        deviceClass: { os: 'linux', arch: 'x64', cpu: 'c', cores: 2, memoryBytes: 1e9, providers: ['cpu'] },
        tags,
      },
    },
    death: { schema: DeathSchema, valid: { bootId: 'b' } },
    get: { schema: GetSchema, valid: { generation: 0, bootId: 'b' } },
    receipt: { schema: ReceiptSchema, valid: { upTo: 7, missing: [3, 5] } },
    command: { schema: CommandSchema, valid: { id: 'c1', expiresAt: now, kind: 'report' } },
    'enrolment token': {
      schema: EnrolmentTokenSchema,
      valid: { url, caFingerprint: digest, trustDigest: digest, secret: 's'.repeat(32) },
    },
    'enrolment request': {
      schema: EnrolmentRequestSchema,
      valid: { secret: 's', deviceId: 'edge-1', csrPem: 'pem', tags, trustDigest: digest },
    },
    'enrolment answer': {
      schema: EnrolmentAnswerSchema,
      valid: {
        deviceId: 'edge-1',
        certificatePem: 'pem',
        caPem: 'pem',
        trustRoot: '{}',
        mqttUrl: 'mqtts://controller.example:8883',
        deviceUrl: url,
        tags,
        now,
      },
    },
  };
}

function damaged(input: Uint8Array, changes: Damage[]): Uint8Array {
  return changes.reduce<Uint8Array>((current, { at, remove, insert }) => {
    const offset = Math.floor(at * current.byteLength);
    return Buffer.concat([current.subarray(0, offset), insert, current.subarray(offset + remove)]);
  }, input);
}

/** The document as JSON with its n-th value, counted through the whole tree, replaced by another. */
function withValueAt(document: unknown, at: number, replacement: unknown): string {
  let total = 0;
  JSON.stringify(document, (_key, value: unknown) => {
    total++;
    return value;
  });
  let position = 0;
  return JSON.stringify(document, (_key, value: unknown) =>
    position++ === at % total ? replacement : value,
  );
}

/** What `act` gives, or undefined when it refused; anything thrown that is not a CoveyError fails the test. */
function orRefusal<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    expectCoveyError(error);
    return undefined;
  }
}

function expectCoveyError(error: unknown): void {
  if (!(error instanceof CoveyError)) throw error;
}
