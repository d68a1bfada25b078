import { CoveyError, type Datatype, type ModelSchema } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadedModel } from '../models.fixture.ts';
import { encodeElements } from '../tensors/index.ts';
import { readRequest } from './request.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const runs = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 500) };
const timeoutMs = 60_000 + runs.numRuns * 10;

const schema: ModelSchema = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 't', datatype: 'BYTES', shape: [-1] },
    { name: 'i', datatype: 'INT64', shape: [] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1, 2] },
    { name: 'z', datatype: 'INT64', shape: [] },
  ],
};
const model = loadedModel('m.onnx', schema);
const shared = (bytes: Uint8Array) => {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
};
/** The codes that say the request is at fault. */
const faults = ['INVALID_DOCUMENT', 'INPUT_INVALID', 'UNSUPPORTED', 'PAYLOAD_TOO_LARGE'];

/** JSON.stringify writes -0 as 0. */
const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

test(
  'inputs in any order and form are what was sent',
  () => {
    const input = fc.record({
      rows: fc.array(fc.tuple(float, fc.constant(0.5)), {
        maxLength: 4,
      }),
      texts: fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 4 }),
      integer: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      asJson: fc.boolean(),
      order: fc.shuffledSubarray(['x', 't', 'i'], { minLength: 3 }),
      classes: fc.nat(3),
      flag: fc.option(fc.boolean(), { nil: undefined }),
      byDefault: fc.boolean(),
    });
    fc.assert(
      fc.property(input, ({ rows, texts, integer, asJson, order, classes, flag, byDefault }) => {
        const floats = new Uint8Array(new Float32Array(rows.flat()).buffer);
        const packed = encodeElements(texts);
        const parts: Uint8Array[] = [];
        const given: Record<string, () => string> = {
          x: () => {
            if (asJson) return `"FP32","shape":[${rows.length},2],"data":${JSON.stringify(rows)}`;
            parts.push(floats);
            return `"FP32","shape":[${rows.length},2],"parameters":{"binary_data_size":${floats.byteLength}}`;
          },
          t: () => {
            parts.push(packed);
            return `"BYTES","shape":[${texts.length}],"parameters":{"binary_data_size":${packed.byteLength}}`;
          },
          i: () => `"INT64","shape":[],"data":[${integer}]`,
        };
        const inputs = order.map((name) => `{"name":"${name}","datatype":${given[name]?.()}}`);
        const parameters = JSON.stringify({
          classification: classes,
          ...(flag !== undefined && { binary_data: flag }),
        });
        const json = `{"inputs":[${inputs.join(',')}],"parameters":{"binary_data_output":${byDefault}},
        "outputs":[{"name":"z","parameters":${parameters}}]}`;
        const request = readRequest({ json: Buffer.from(json), binary: shared(Buffer.concat(parts)) }, model);
        expect([...(request.inputs.x?.data ?? [])]).toEqual([...floats]);
        expect([...(request.inputs.t?.data ?? [])]).toEqual([...packed]);
        expect(Buffer.from(request.inputs.i?.data ?? []).readBigInt64LE()).toBe(integer);
        expect(request.outputs).toEqual([{ name: 'z', binary: flag ?? byDefault, classes }]);
      }),
      runs,
    );
  },
  timeoutMs,
);

test(
  'whatever comes is a request or a fault of the request',
  () => {
    const key = fc.constantFrom(
      'inputs',
      'outputs',
      'parameters',
      'id',
      'name',
      'shape',
      'datatype',
      'data',
      '__proto__',
    );
    const word = fc.constantFrom(
      'x',
      't',
      'i',
      'y',
      'FP32',
      'BYTES',
      'INT64',
      'binary_data_size',
      'classification',
    );
    const document = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom<unknown>(null, true, 0, -1, 2, 8, 1e300, 0.5, ''),
        word,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.oneof(key, word), tie('value'), { maxKeys: 5 }),
      ),
    })).value;
    const input = fc.record(
      {
        name: word,
        datatype: fc.constantFrom<Datatype | string>('FP32', 'BYTES', 'INT64', 'FP64', 'X'),
        shape: fc.array(fc.oneof(fc.nat(3), fc.integer()), { maxLength: 3 }),
        parameters: fc.dictionary(word, fc.oneof(fc.nat(20), fc.jsonValue()), { maxKeys: 2 }),
        data: document,
      },
      { requiredKeys: [] },
    );
    const request = fc.oneof(
      document,
      fc.record({ inputs: fc.array(input, { maxLength: 4 }), parameters: document }),
    );
    fc.assert(
      fc.property(
        request,
        fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
        (value, binary) => {
          const json = Buffer.from(JSON.stringify(value) ?? '');
          try {
            readRequest({ json, binary: binary && shared(binary) }, model);
          } catch (error) {
            expect(error).toBeInstanceOf(CoveyError);
            expect(faults).toContain((error as CoveyError).code);
          }
        },
      ),
      runs,
    );
  },
  timeoutMs,
);
