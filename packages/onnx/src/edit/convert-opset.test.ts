import { describe, expect, it } from 'vitest';
import { type Attribute, createNode, elementTypes, type Model, type Node } from '../model/index.ts';
import { convertOpset } from './convert-opset.ts';
import {
  answersOf,
  editedSame,
  floats,
  inputsFor,
  integers,
  modelOf,
  operatorsOf,
  waves,
} from './edit.fixture.ts';
import { editModel } from './index.ts';

const real = (value: number): Attribute => ({ type: 'float', value });
const reals = (...values: number[]): Attribute => ({ type: 'floats', value: Float32Array.from(values) });
const shape = [1, 2, 4, 6];

/** A node that takes `x` [1, 2, 4, 6] and gives `y`, at an opset where its form was another than today's. */
interface Case {
  opset: number;
  node: Node;
  output: number[];
  constants?: Parameters<typeof modelOf>[0]['constants'];
}

const cases: Case[] = [
  {
    opset: 7,
    node: createNode('Upsample', ['x'], ['y'], { scales: reals(1, 1, 2, 3) }),
    output: [1, 2, 8, 18],
  },
  {
    opset: 9,
    node: createNode('Upsample', ['x', 's'], ['y'], { mode: 'linear' }),
    output: [1, 2, 8, 18],
    constants: [{ ...waves('s', [4]), ...scales(1, 1, 2, 3) }],
  },
  {
    opset: 10,
    node: createNode('Resize', ['x', 's'], ['y']),
    output: [1, 2, 2, 2],
    constants: [{ ...waves('s', [4]), ...scales(1, 1, 0.5, 1 / 3) }],
  },
  {
    opset: 9,
    node: createNode('Slice', ['x'], ['y'], { starts: [1, -3], ends: [4, 6], axes: [2, 3] }),
    output: [1, 2, 3, 3],
  },
  {
    opset: 7,
    node: createNode('Slice', ['x'], ['y'], { starts: [0, 1], ends: [1, 2] }),
    output: [1, 1, 4, 6],
  },
  { opset: 9, node: createNode('TopK', ['x'], ['y', 'i'], { k: 2, axis: 3 }), output: [1, 2, 4, 2] },
  { opset: 9, node: createNode('Clip', ['x'], ['y'], { min: real(-0.5), max: real(0.25) }), output: shape },
  { opset: 9, node: createNode('Clip', ['x'], ['y'], { max: real(0.25) }), output: shape },
  {
    opset: 9,
    node: createNode('Pad', ['x'], ['y'], { pads: [0, 0, 1, 0, 0, 0, 0, 2], value: real(1.5) }),
    output: [1, 2, 5, 8],
  },
  { opset: 9, node: createNode('Dropout', ['x'], ['y'], { ratio: real(0.3) }), output: shape },
  { opset: 9, node: createNode('Softmax', ['x'], ['y']), output: shape },
  { opset: 11, node: createNode('Softmax', ['x'], ['y'], { axis: 2 }), output: shape },
  { opset: 11, node: createNode('LogSoftmax', ['x'], ['y'], { axis: -2 }), output: shape },
  { opset: 11, node: createNode('Softmax', ['x'], ['y'], { axis: 3 }), output: shape },
  { opset: 11, node: createNode('Unsqueeze', ['x'], ['y'], { axes: [0, 3] }), output: [1, 1, 2, 1, 4, 6] },
  { opset: 11, node: createNode('Squeeze', ['x'], ['y'], { axes: [0] }), output: [2, 4, 6] },
  { opset: 11, node: createNode('Squeeze', ['x'], ['y']), output: [2, 4, 6] },
  { opset: 11, node: createNode('ReduceSum', ['x'], ['y'], { axes: [1, -1], keepdims: 0 }), output: [1, 4] },
  { opset: 11, node: createNode('ReduceMax', ['x'], ['y'], { axes: [2] }), output: [1, 2, 1, 6] },
  { opset: 11, node: createNode('ReduceMean', ['x'], ['y']), output: [1, 1, 1, 1] },
  {
    opset: 11,
    node: createNode('Split', ['x'], ['y', 'z'], { axis: 3, split: [2, 4] }),
    output: [1, 2, 4, 2],
  },
  { opset: 13, node: createNode('Split', ['x'], ['y', 'z'], { axis: 3 }), output: [1, 2, 4, 3] },
  {
    opset: 8,
    node: createNode('BatchNormalization', ['x', 'p', 'p', 'p', 'p'], ['y']),
    output: shape,
    constants: [waves('p', [2], 2)],
  },
  {
    opset: 7,
    node: createNode('PRelu', ['x', 's'], ['y']),
    output: shape,
    constants: [waves('s', [2, 1, 1])],
  },
];

describe('convert-opset', () => {
  it.each(cases.map((one) => [one.node.opType, one.opset, one] as const))(
    'brings %s of opset %i to 21',
    async (_, opset, { node, output, constants = [] }) => {
      const model = modelOf({
        opset,
        inputs: { x: shape },
        outputs: { y: output },
        constants,
        nodes: [node],
      });
      const edited = await editedSame(model, [convertOpset(21)]);
      expect([edited.opsets[0]?.version, edited.irVersion]).toEqual([21, 10]);
    },
  );

  it('lines the second operand of opset 6 up where its axis says', async () => {
    const legacy = createNode('Add', ['x', 'c'], ['v'], { axis: 1, broadcast: 1 });
    const slope = createNode('PRelu', ['v', 'c'], ['y']);
    const constants = [waves('c', [2])];
    const model = modelOf({
      opset: 6,
      inputs: { x: shape },
      outputs: { y: shape },
      constants,
      nodes: [legacy, slope],
    });
    const { model: edited } = await editModel(model, [convertOpset(13)]);
    const today = modelOf({
      inputs: { x: shape },
      outputs: { y: shape },
      constants: [waves('c', [2, 1, 1])],
      nodes: [createNode('Add', ['x', 'c'], ['v']), createNode('PRelu', ['v', 'c'], ['y'])],
    });
    const inputs = inputsFor(model);
    const { y: actual } = await answersOf(edited, inputs);
    const { y: expected } = await answersOf(today, inputs);
    expect(actual && floats(actual)).toEqual(expected && floats(expected));
  });

  it('makes an input of a target shape, and a number of a type that was a name', async () => {
    const nodes = [
      createNode('Reshape', ['x'], ['v'], { shape: [2, 24] }),
      createNode('Cast', ['v'], ['w'], { to: 'INT64' }),
      createNode('Cast', ['w'], ['y'], { to: 'FLOAT' }),
    ];
    const model = modelOf({ opset: 4, inputs: { x: shape }, outputs: { y: [2, 24] }, nodes });
    const { model: edited } = await editModel(model, [convertOpset(9)]);
    expect((await answersOf(edited, inputsFor(model))).y?.shape).toEqual([2, 24]);
    expect(edited.graph.nodes[1]?.attributes.get('to')).toEqual({
      type: 'int',
      value: BigInt(elementTypes.INT64),
    });
  });

  it('goes back where no operator changed its meaning, and drops attributes that say what was always so', async () => {
    const nodes = [
      createNode('Reshape', ['x', 'target'], ['v'], { allowzero: 0 }),
      createNode('Relu', ['v'], ['y']),
    ];
    const constants = [integers('target', [8, 6])];
    const model = modelOf({ opset: 22, inputs: { x: shape }, outputs: { y: [8, 6] }, constants, nodes });
    const edited = await editedSame(model, [convertOpset(13)]);
    expect(edited.graph.nodes[0]?.attributes.size).toBe(0);
    expect(edited.opsets).toEqual([{ domain: '', version: 13 }]);
  });

  const back = (node: Node, opset = 20): Model =>
    modelOf({
      opset,
      inputs: { x: shape },
      outputs: { y: shape },
      constants: [integers('axes', [1])],
      nodes: [node],
    });
  it.each([
    [
      'a newer operator',
      back(createNode('Gelu', ['x'], ['y'])),
      'node "y" (Gelu) cannot be brought from opset 20 back to 17: the operator is newer',
    ],
    [
      'a changed meaning',
      back(createNode('ReduceMax', ['x', 'axes'], ['y'])),
      'its meaning changed in opset 18',
    ],
    [
      'a newer attribute',
      back(createNode('Resize', ['x'], ['y'], { antialias: 1 })),
      'its attribute "antialias" is newer',
    ],
  ])('refuses %s', async (_, model, message) => {
    await expect(editModel(model, [convertOpset(17)])).rejects.toThrow(message);
  });

  it('refuses versions that nothing needs, and normalization for training', async () => {
    expect(() => convertOpset(22)).toThrow('opset 22 is not one of 7 to 21');
    const parameters = ['p', 'p', 'p', 'p'];
    const node = createNode('BatchNormalization', ['x', ...parameters], ['y'], { spatial: 0 });
    const model = modelOf({
      opset: 8,
      inputs: { x: shape },
      outputs: { y: shape },
      constants: [waves('p', [2], 2)],
      nodes: [node],
    });
    await expect(editModel(model, [convertOpset(13)])).rejects.toThrow(
      'node "y" (BatchNormalization) cannot be brought to opset 9',
    );
  });

  it('writes the flattening of an old Softmax out only where it matters', async () => {
    const parts = { opset: 11, inputs: { x: [1, 7, 1, 1] }, outputs: { y: [1, 7, 1, 1] } };
    const edited = await editedSame(modelOf({ ...parts, nodes: [createNode('Softmax', ['x'], ['y'])] }), [
      convertOpset(13),
    ]);
    expect(operatorsOf(edited)).toEqual(['Softmax']);
  });
});

function scales(...values: number[]) {
  return { data: { kind: 'raw' as const, bytes: new Uint8Array(Float32Array.from(values).buffer) } };
}
