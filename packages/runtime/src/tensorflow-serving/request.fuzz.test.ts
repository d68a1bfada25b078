import { CoveyError, type ModelSchema } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadedModel } from '../models.fixture.ts';
import { decodeElements } from '../tensors/index.ts';
import { readPredict } from './request.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const runs = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 500) };
const timeoutMs = 60_000 + runs.numRuns * 10;

const schema: ModelSchema = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 't', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
};
const model = loadedModel('m.onnx', schema);
const read = (document: unknown) => readPredict(Buffer.from(JSON.stringify(document) ?? ''), model);

test(
  'rows and columns say the same',
  () => {
    const row = fc.record({
      x: fc.tuple(fc.integer({ min: -99, max: 99 }), fc.double({ min: -1, max: 1, noNaN: true })),
      t: fc.oneof(
        fc.string(),
        fc.uint8Array({ maxLength: 9 }).map((bytes) => ({ b64: Buffer.from(bytes).toString('base64') })),
      ),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (instances) => {
        const byRows = read({ instances });
        const byColumns = read({
          inputs: { x: instances.map(({ x }) => x), t: instances.map(({ t }) => t) },
        });
        expect(byRows.inputs).toEqual(byColumns.inputs);
        expect(byRows.rows).toBe(instances.length);
        const elements = decodeElements(byRows.inputs.t?.data ?? new Uint8Array(), instances.length);
        elements.forEach((element, i) => {
          const given = instances[i]?.t ?? '';
          const expected = typeof given === 'string' ? Buffer.from(given) : Buffer.from(given.b64, 'base64');
          expect(Buffer.from(element)).toEqual(expected);
        });
      }),
      runs,
    );
  },
  timeoutMs,
);

test(
  'whatever comes is a request or a fault of the request',
  () => {
    const key = fc.constantFrom('instances', 'inputs', 'signature_name', 'x', 't', 'b64', '__proto__');
    const document = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom<unknown>(null, true, 0, 1.5, 'eA==', 'x', ''),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    const request = fc.oneof(
      document,
      fc.record({ instances: fc.array(document, { maxLength: 3 }) }),
      fc.record({ inputs: fc.record({ x: document, t: document }) }),
    );
    fc.assert(
      fc.property(request, (value) => {
        try {
          read(value);
        } catch (error) {
          expect(error).toBeInstanceOf(CoveyError);
          expect(['INVALID_DOCUMENT', 'INPUT_INVALID']).toContain((error as CoveyError).code);
        }
      }),
      runs,
    );
  },
  timeoutMs,
);
