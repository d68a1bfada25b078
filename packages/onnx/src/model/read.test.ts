import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder, modelSchema } from '../graph/index.ts';
import { createNode, createValueInfo } from './create.ts';
import { elementTypes } from './element-type.ts';
import { elementsOf, readModel, type ValueType, writeModel } from './index.ts';

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

/** A protobuf field of wire type 0. */
function integer(fieldNumber: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(fieldNumber * 8), ...varint(value)]);
}

const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const text = (value: string) => new TextEncoder().encode(value);
const head = join(integer(1, 8), delimited(8, integer(2, 21)));

describe('readModel', () => {
  test('reads what writeModel wrote, byte for byte', () => {
    expect(writeModel(readModel(bytes))).toEqual(bytes);
  });

  test('reads the same from a Buffer at an odd place, whose slice() copies nothing', () => {
    const graph = small();
    graph.node('Elu', ['y'], 'z', { alpha: { type: 'floats', value: Float32Array.of(0.5, 2) } });
    const file = writeModel(graph.build());
    for (const offset of [1, 2, 3, 4]) {
      const model = readModel(Buffer.concat([new Uint8Array(offset), file]).subarray(offset));
      expect(model.graph.nodes[1]?.attributes.get('alpha')?.value).toEqual(Float32Array.of(0.5, 2));
      const [weights] = model.graph.initializers.values();
      expect(weights && elementsOf(weights)).toEqual(Float32Array.of(1, 2));
    }
  });

  test('keeps fields newer than our copy of the format, at every level', () => {
    const dimension = delimited(1, join(integer(1, 3), delimited(3, text('denoted'))));
    const type = join(
      delimited(1, join(integer(1, 1), delimited(2, join(dimension, delimited(30, text('in shape')))))),
      delimited(6, text('IMAGE')),
    );
    const output = delimited(
      12,
      join(delimited(1, text('y')), delimited(2, type), delimited(90, text('in value'))),
    );
    const attribute = delimited(
      5,
      join(delimited(1, text('a')), integer(3, 5), delimited(77, text('in attribute'))),
    );
    const node = delimited(
      1,
      join(delimited(2, text('y')), delimited(4, text('Foo')), attribute, delimited(50, text('in node'))),
    );
    const annotation = delimited(14, delimited(1, text('annotated')));
    const weight = delimited(
      5,
      join(delimited(8, text('w')), integer(2, 1), delimited(60, text('in tensor'))),
    );
    const newer = join(
      head,
      delimited(7, join(node, weight, output, annotation)),
      delimited(26, text('in model')),
    );
    const written = Buffer.from(writeModel(readModel(newer)));
    for (const kept of [
      'denoted',
      'in shape',
      'IMAGE',
      'in value',
      'in attribute',
      'in node',
      'annotated',
      'in tensor',
      'in model',
    ])
      expect(written.includes(kept), kept).toBe(true);
    expect(writeModel(readModel(written))).toEqual(new Uint8Array(written));
  });

  test('numbers in every form of a tensor become the same little-endian elements', () => {
    const tensor = (elementType: number, ...data: Uint8Array[]) => {
      const weight = delimited(
        5,
        join(delimited(8, text('w')), integer(1, 2), integer(2, elementType), ...data),
      );
      const graph = delimited(7, join(weight, delimited(12, delimited(1, text('y')))));
      const constant = readModel(join(head, graph)).graph.initializers.get('w');
      return constant && Array.from(elementsOf(constant) as ArrayLike<number | bigint>, Number);
    };
    expect(tensor(elementTypes.FLOAT, delimited(4, floats(1.5, -2)))).toEqual([1.5, -2]);
    const unpacked = (value: number) => join(Uint8Array.of(4 * 8 + 5), floats(value));
    expect(tensor(elementTypes.FLOAT, unpacked(1.5), unpacked(-2))).toEqual([1.5, -2]);
    expect(tensor(elementTypes.UINT8, delimited(5, Uint8Array.from([7, ...varint(255)])))).toEqual([7, 255]);
    expect(tensor(elementTypes.INT64, integer(7, 3), integer(7, 300))).toEqual([3, 300]);
    expect(tensor(elementTypes.UINT32, delimited(11, Uint8Array.from([1, ...varint(4e9)])))).toEqual([
      1, 4e9,
    ]);
    const minusOne = Uint8Array.from([...Array(9).fill(255), 1]);
    expect(tensor(elementTypes.INT8, delimited(5, join(minusOne, Uint8Array.of(2))))).toEqual([-1, 2]);
    expect(tensor(elementTypes.FLOAT16, delimited(5, Uint8Array.from([...varint(0x3c00), 0])))).toEqual([
      1, 0,
    ]);
    const doubles = new Uint8Array(Float64Array.of(0.1, 2).buffer);
    expect(tensor(elementTypes.DOUBLE, delimited(10, doubles))).toEqual([0.1, 2]);
  });

  const graphOf = (...parts: Uint8Array[]) =>
    join(head, delimited(7, join(...parts, delimited(12, delimited(1, text('y'))))));
  const named = delimited(5, delimited(8, text('w')));

  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /empty/],
    ['text', text('<!DOCTYPE html><title>404</title>'), /not an ONNX file|truncated/],
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46), /not an ONNX file/],
    ['zeros', new Uint8Array(1000), /not an ONNX file/],
    ['half a model', bytes.subarray(0, bytes.length / 2), /truncated/],
    ['another protobuf message', delimited(15, Uint8Array.of(1)), /no IR version/],
    ['no operator set', join(integer(1, 8), delimited(7, delimited(2, text('g')))), /no operator set/],
    ['no graph', head, /no graph/],
    ['no outputs', join(head, delimited(7, delimited(2, text('empty')))), /no outputs/],
    ['two initializers of one name', graphOf(named, named), /initializer "w" is there twice/],
    ['an initializer without a name', graphOf(delimited(5, new Uint8Array())), /has no name/],
    [
      'an attribute without a value',
      graphOf(delimited(1, delimited(5, delimited(1, text('a'))))),
      /attribute "a" has no type/,
    ],
    [
      'a negative dimension',
      graphOf(
        delimited(
          5,
          join(delimited(8, text('w')), Uint8Array.of(8), Uint8Array.from([...Array(9).fill(255), 1])),
        ),
      ),
      /absurd dimension -1/,
    ],
    [
      'an offset that is none',
      graphOf(
        delimited(
          5,
          join(integer(14, 1), delimited(13, join(delimited(1, text('offset')), delimited(2, text('-7'))))),
        ),
      ),
      /offset "-7"/,
    ],
  ])('refuses %s', (_what, content, message) => {
    expect(codeOf(() => readModel(content))).toBe('MODEL_INVALID');
    expect(() => readModel(content)).toThrow(message);
  });

  test('refuses what would decode to far more than its size', () => {
    // model.graph.node[] of nothing: two bytes each on the wire, an object each when decoded
    const nodes = delimited(
      7,
      new Uint8Array(2 * 1_100_000).map((_, i) => (i % 2 === 0 ? 0x0a : 0)),
    );
    expect(codeOf(() => readModel(nodes))).toBe('PAYLOAD_TOO_LARGE');
  });

  test('refuses graphs nested without end', () => {
    // model.graph.node.attribute.g.node.attribute.g...
    let graph: Uint8Array = new Uint8Array(0);
    for (let i = 0; i < 200; i++)
      graph = delimited(1, delimited(5, join(delimited(1, text('g')), delimited(6, graph))));
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
      { numRuns: process.env.COVEY_LONG === undefined ? 500 : 5_000 },
    );
  });

  test('every strict prefix of a model is refused', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => readModel(bytes.subarray(0, length)))).toBe('MODEL_INVALID');
    }
  });
});

describe('modelSchema', () => {
  function withOutput(type: ValueType) {
    const graph = new GraphBuilder('g');
    graph.input({ name: 'x', datatype: 'FP32', shape: [1] });
    const model = graph.build.bind(graph);
    graph.node('Relu', ['x'], 'scores');
    graph.output({ name: 'scores', datatype: 'FP32', shape: [1] });
    const built = model();
    built.graph.outputs = [createValueInfo('scores', type)];
    return readModel(writeModel(built));
  }

  test('inputs are those without an initializer; varying dimensions are -1', () => {
    const model = small().build();
    model.graph.inputs.push(createValueInfo('w', { kind: 'tensor', elementType: 1, shape: [2, 1] }));
    expect(modelSchema(model)).toEqual({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    });
  });

  test.each<[string, ValueType, RegExp]>([
    ['a sequence', { kind: 'sequence', element: undefined }, /output "scores" is a sequence/],
    ['a map', { kind: 'map', keyType: 7, value: undefined }, /output "scores" is a map/],
    ['bfloat16', { kind: 'tensor', elementType: elementTypes.BFLOAT16, shape: [] }, /"scores" is BFLOAT16/],
    ['unknown rank', { kind: 'tensor', elementType: 1 }, /output "scores" does not say how many dimensions/],
  ])('an output that is %s is unsupported, by name', (_what, type, message) => {
    expect(codeOf(() => modelSchema(withOutput(type)))).toBe('MODEL_UNSUPPORTED');
    expect(() => modelSchema(withOutput(type))).toThrow(message);
  });

  test('refuses dimensions beyond the limit', () => {
    expect(codeOf(() => modelSchema(withOutput({ kind: 'tensor', elementType: 1, shape: [2 ** 40] })))).toBe(
      'MODEL_INVALID',
    );
  });
});

test('nodes keep what they have: attributes of every type come back as they were', () => {
  const graph = small();
  const model = graph.build();
  const constant = { ...[...model.graph.initializers.values()][0], name: 'inner' } as never;
  model.graph.nodes.push(
    createNode('Every', ['y'], ['z'], {
      float: { type: 'float', value: 0.5 },
      int: { type: 'int', value: -(2n ** 63n) },
      string: 'text',
      floats: { type: 'floats', value: Float32Array.of(1, 2.5) },
      ints: [1, -1, 5],
      strings: { type: 'strings', value: [text('a'), Uint8Array.of(255)] },
      tensor: { type: 'tensor', value: constant },
      tensors: { type: 'tensors', value: [constant] },
      graph: { type: 'graph', value: small().build().graph },
      graphs: { type: 'graphs', value: [small().build().graph, small().build().graph] },
      sparse: { type: 'sparseTensor', value: { values: constant, indices: constant, dims: [4] } },
      type: { type: 'valueType', value: { kind: 'sequence', element: { kind: 'tensor', elementType: 1 } } },
      types: { type: 'valueTypes', value: [{ kind: 'map', keyType: 7, value: undefined }] },
      reference: { type: 'reference', value: 'outer', attributeType: 1 },
    }),
  );
  const again = readModel(writeModel(model));
  expect(again).toEqual(model);
});
