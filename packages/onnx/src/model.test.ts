import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GraphProtoSchema, ModelProtoSchema } from './generated/onnx_pb.ts';
import { GraphBuilder, modelSchema, readModel, writeModel } from './index.ts';

const floats = (...values: number[]) => new Uint8Array(Float32Array.of(...values).buffer);

function small(): GraphBuilder {
  const graph = new GraphBuilder('small');
  graph.input({ name: 'x', datatype: 'FP32', shape: [-1, 2] });
  graph.initializer('w', { datatype: 'FP32', shape: [2, 1], data: floats(1, 2) });
  graph.node('Gemm', ['x', 'w'], 'y', { transB: 0 });
  graph.output({ name: 'y', datatype: 'FP32', shape: [-1, 1] });
  return graph;
}

const bytes = writeModel(small().build());
const opsetImport = [{ domain: '', version: 21n }];

function encoded(model: MessageInitShape<typeof ModelProtoSchema>): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, model));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof CoveyError) return error.code;
    throw error;
  }
  return 'none';
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** A protobuf field of wire type 2. */
function delimited(fieldNumber: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([
    Uint8Array.from([...varint(fieldNumber * 8 + 2), ...varint(content.length)]),
    content,
  ]);
}

describe('readModel', () => {
  test('reads what writeModel wrote, byte for byte', () => {
    expect(writeModel(readModel(bytes))).toEqual(bytes);
  });

  test('keeps fields newer than our copy of the format', () => {
    const newer = Uint8Array.of(...bytes, ...delimited(26, new TextEncoder().encode('from the future')));
    expect(Buffer.from(writeModel(readModel(newer))).includes('from the future')).toBe(true);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /empty/],
    ['text', new TextEncoder().encode('<!DOCTYPE html><title>404</title>'), /not an ONNX file|truncated/],
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46), /not an ONNX file/],
    ['zeros', new Uint8Array(1000), /not an ONNX file/],
    ['half a model', bytes.subarray(0, bytes.length / 2), /truncated/],
    ['another protobuf message', delimited(15, Uint8Array.of(1)), /no IR version/],
    ['no operator set', encoded({ irVersion: 8n, graph: { name: 'g' } }), /no operator set/],
    ['no graph', encoded({ irVersion: 8n, opsetImport }), /no graph/],
    ['no outputs', encoded({ irVersion: 8n, opsetImport, graph: { name: 'empty' } }), /no outputs/],
  ])('refuses %s', (_what, content, message) => {
    expect(codeOf(() => readModel(content))).toBe('MODEL_INVALID');
    expect(() => readModel(content)).toThrow(message);
  });

  test('refuses what would decode to far more than its size, before decoding it', () => {
    // model.graph.node[] of nothing: two bytes each on the wire, an object each when decoded
    const nodes = delimited(
      7,
      new Uint8Array(2 * 4_200_000).map((_, i) => (i % 2 === 0 ? 0x0a : 0)),
    );
    expect(codeOf(() => readModel(nodes))).toBe('PAYLOAD_TOO_LARGE');
  });

  test('refuses graphs nested without end', () => {
    // model.graph.node.attribute.g.node.attribute.g...
    let graph: Uint8Array = new Uint8Array(0);
    for (let i = 0; i < 200; i++) graph = delimited(1, delimited(5, delimited(6, graph)));
    expect(codeOf(() => readModel(delimited(7, graph)))).toBe('MODEL_INVALID');
  });

  test('any truncation or mutation is read or refused, never anything else', () => {
    const edit = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 8 }), fc.nat(bytes.length), (edits, length) => {
        const mutated = bytes.slice();
        for (const { at, value } of edits) mutated[at] = value;
        const read = codeOf(() => modelSchema(readModel(mutated.subarray(0, length))));
        expect(['none', 'MODEL_INVALID', 'MODEL_UNSUPPORTED', 'PAYLOAD_TOO_LARGE']).toContain(read);
      }),
      { numRuns: 2_000 },
    );
  });

  test('every strict prefix of a model is refused', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => readModel(bytes.subarray(0, length)))).toBe('MODEL_INVALID');
    }
  });
});

describe('modelSchema', () => {
  const schemaOf = (graph: MessageInitShape<typeof GraphProtoSchema>) =>
    modelSchema(readModel(encoded({ irVersion: 8n, opsetImport, graph })));
  const tensor = (elemType: number, dim: { value: { case: 'dimValue'; value: bigint } }[] = []) => ({
    value: { case: 'tensorType' as const, value: { elemType, shape: { dim } } },
  });

  test('inputs are those without an initializer; varying dimensions are -1', () => {
    const model = small().build();
    model.graph.input.push(
      ...small()
        .build()
        .graph.input.map((input) => ({ ...input, name: 'w' })),
    );
    expect(modelSchema(model)).toEqual({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    });
  });

  test.each([
    ['a sequence', { value: { case: 'sequenceType' as const, value: {} } }, /output "scores" is a sequence/],
    ['a map', { value: { case: 'mapType' as const, value: {} } }, /output "scores" is a map/],
    ['bfloat16', tensor(16), /output "scores" has the ONNX element type 16/],
    [
      'unknown rank',
      { value: { case: 'tensorType' as const, value: { elemType: 1 } } },
      /output "scores" does not say how many dimensions/,
    ],
  ])('an output that is %s is unsupported, by name', (_what, type, message) => {
    const graph = { input: [{ name: 'x', type: tensor(1) }], output: [{ name: 'scores', type }] };
    expect(codeOf(() => schemaOf(graph))).toBe('MODEL_UNSUPPORTED');
    expect(() => schemaOf(graph)).toThrow(message);
  });

  test('refuses dimensions beyond the limit', () => {
    const dim = [{ value: { case: 'dimValue' as const, value: 2n ** 62n } }];
    const graph = { input: [{ name: 'x', type: tensor(1, dim) }], output: [{ name: 'y', type: tensor(1) }] };
    expect(codeOf(() => schemaOf(graph))).toBe('MODEL_INVALID');
  });
});
