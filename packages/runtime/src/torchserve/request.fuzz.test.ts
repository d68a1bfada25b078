import { CoveyError, type ModelSchema } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadedModel } from '../models.fixture.ts';
import { multipartParts } from './multipart.ts';
import { readPrediction } from './request.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const runs = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 300) };
const timeoutMs = 60_000 + runs.numRuns * 10;

const schema: ModelSchema = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
};
const model = loadedModel('m.onnx', schema);

test(
  'parts of a form made by another are what was put in',
  async () => {
    const part = fc.record({
      name: fc.stringMatching(/^[a-z ;=]{1,8}$/),
      content: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Buffer.from('\r\n--\r\n\r\n--x'))),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        const form = new FormData();
        for (const { name, content } of parts) form.append(name, new Blob([Buffer.from(content)]), 'f');
        const encoded = new Response(form);
        const body = new Uint8Array(await encoded.arrayBuffer());
        const read = multipartParts(body, encoded.headers.get('content-type') ?? '');
        expect(read.map(({ name, content }) => ({ name, content: Buffer.from(content) }))).toEqual(
          parts.map(({ name, content }) => ({ name, content: Buffer.from(content) })),
        );
      }),
      runs,
    );
  },
  timeoutMs,
);

test(
  'whatever comes is a request or a fault of the request',
  () => {
    const piece = fc.constantFrom(
      '--b',
      '\r\n',
      '--',
      'content-disposition: form-data; name="x"',
      ':',
      '"',
      'name=',
      'x',
    );
    const content = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((list) => Buffer.from(list.join(''))),
      fc.uint8Array({ maxLength: 32 }),
    );
    const type = fc.constantFrom(
      '',
      'multipart/form-data; boundary=b',
      'multipart/form-data; boundary="b"',
      'multipart/form-data',
      'image/png',
    );
    fc.assert(
      fc.property(content, type, fc.boolean(), (bytes, contentType, isJson) => {
        const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
        copy.set(bytes);
        const body = isJson
          ? { json: Buffer.from(bytes), binary: undefined }
          : { json: Buffer.alloc(0), binary: copy };
        try {
          readPrediction(body, model, contentType);
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
