import { describe, expect, it } from 'vitest';
import { ortExecution } from '../execution.fixture.ts';
import {
  type Attribute,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  writeModel,
} from '../model/index.ts';
import { answersOf, editedSame, inputsFor, integers, modelOf, operatorsOf, waves } from './edit.fixture.ts';
import { editModel, keepOutputs, removeZipMap, standardPasses } from './index.ts';
import { mergeConstants } from './merge-constants.ts';
import { nameNodes } from './name-nodes.ts';
import { stripInputs } from './strip-inputs.ts';

const shape = [2, 3];
const io = { inputs: { x: shape }, outputs: { y: shape } };
const operatorsAfter = async (model: Model) => operatorsOf(await editedSame(model, standardPasses));

describe('names and inputs', () => {
  it('names nodes that have no name or share one, and leaves the others theirs', async () => {
    const nodes = ['', 'a', 'a', 'Relu_1', ''].map((name, index) => ({
      ...createNode('Relu', [index === 0 ? 'x' : `v${index - 1}`], [index === 4 ? 'y' : `v${index}`]),
      name,
    }));
    const { model: edited } = await editModel(modelOf({ ...io, nodes }), [nameNodes]);
    expect(edited.graph.nodes.map(({ name }) => name)).toEqual(['Relu_2', 'a', 'a_1', 'Relu_1', 'Relu_3']);
  });

  it('makes constants of inputs that have a default', async () => {
    const model = modelOf({
      inputs: { x: shape, w: shape },
      outputs: { y: shape },
      constants: [waves('w', shape)],
      nodes: [createNode('Add', ['x', 'w'], ['y'])],
    });
    const edited = await editedSame(model, [stripInputs]);
    expect(edited.graph.inputs.map(({ name }) => name)).toEqual(['x']);
  });
});

describe('constants', () => {
  it('computes what depends on constants alone, in subgraphs of what outer graphs know', async () => {
    const branch = (factor: string): Attribute => {
      const graph = createGraph('branch');
      graph.nodes = [
        createNode('Add', [factor, 'one'], [`${factor}_more`]),
        createNode('Mul', ['x', `${factor}_more`], [`${factor}_y`]),
      ];
      graph.outputs = [createValueInfo(`${factor}_y`)];
      return { type: 'graph', value: graph };
    };
    const model = modelOf({
      ...io,
      constants: [waves('a', [3]), waves('b', [3]), waves('one', []), waves('zero', [1], -1)],
      nodes: [
        createNode('ReduceMax', ['x'], ['top'], { keepdims: 0 }),
        createNode('Greater', ['top', 'zero'], ['condition']),
        createNode('If', ['condition'], ['y'], { then_branch: branch('a'), else_branch: branch('b') }),
      ],
    });
    const edited = await editedSame(model, standardPasses);
    const inner = [...(edited.graph.nodes.at(-1)?.attributes.values() ?? [])].flatMap((attribute) =>
      attribute.type === 'graph' ? attribute.value.nodes.map(({ opType }) => opType) : [],
    );
    expect(inner).toEqual(['Mul', 'Mul']);
  });

  it('takes the branch that a constant condition takes', async () => {
    const branch = (opType: string): Graph => ({
      ...createGraph('branch'),
      nodes: [createNode(opType, ['x'], ['inner'])],
      outputs: [createValueInfo('inner')],
    });
    const model = modelOf({
      ...io,
      constants: [waves('a', [1]), waves('b', [1], 1)],
      nodes: [
        createNode('Greater', ['a', 'b'], ['condition']),
        createNode('If', ['condition'], ['v'], {
          then_branch: { type: 'graph', value: branch('Relu') },
          else_branch: { type: 'graph', value: branch('Sigmoid') },
        }),
        createNode('Neg', ['v'], ['y']),
      ],
    });
    expect(await operatorsAfter(model)).toEqual(['Sigmoid', 'Neg']);
  });

  it('leaves what would blow the file up, and what answers anew each time', async () => {
    const model = modelOf({
      inputs: { x: [1] },
      outputs: { y: [300, 300], z: [2], w: [1] },
      constants: [integers('large', [300, 300]), integers('small', [2])],
      nodes: [
        createNode('ConstantOfShape', ['large'], ['zeros']),
        createNode('Add', ['zeros', 'x'], ['y']),
        createNode('ConstantOfShape', ['small'], ['z']),
        createNode('RandomNormalLike', ['x'], ['w']),
      ],
    });
    const { model: edited } = await editModel(model, standardPasses, ortExecution());
    expect(operatorsOf(edited)).toEqual(['ConstantOfShape', 'Add', 'RandomNormalLike']);
    expect([...edited.graph.initializers.keys()].sort()).toEqual(['large', 'z']);
  });

  it('keeps nodes whose results together would blow the model up, but computes shapes', async () => {
    const counts = (least: number) => Array.from({ length: 8 }, (_, i) => least + i);
    const modelWith = (least: number) =>
      modelOf({
        inputs: { x: [1] },
        outputs: Object.fromEntries(counts(least).map((count) => [`y${count}`, [count]])),
        constants: [
          waves('row', [1]),
          ...counts(least).map((count) => integers(`shape${count}`, [count - 1])),
        ],
        nodes: counts(least).flatMap((count) => [
          createNode('ConstantOfShape', [`shape${count}`], [`zeros${count}`]),
          createNode('Concat', [`zeros${count}`, 'row'], [`joined${count}`], { axis: 0 }),
          createNode('Shape', [`joined${count}`], [`s${count}`]),
          createNode('Expand', ['x', `s${count}`], [`e${count}`]),
          createNode('Add', [`e${count}`, `joined${count}`], [`y${count}`]),
        ]),
      });
    const bytesAfter = async (model: Model) =>
      writeModel((await editModel(model, standardPasses, ortExecution())).model).byteLength;
    const [few, many] = [modelWith(1_500), modelWith(4_000)];
    expect(operatorsOf(await editedSame(few, standardPasses))).not.toContain('ConstantOfShape');
    expect(await bytesAfter(many)).toBeLessThan(writeModel(many).byteLength);
    const operators = operatorsOf(await editedSame(many, standardPasses));
    expect(operators).toContain('ConstantOfShape');
    expect(operators).not.toContain('Shape');
  });

  it('does not compute sizes that no memory holds', async () => {
    const model = modelOf({
      ...io,
      constants: [integers('huge', [1_000_000, 1_000_000]), integers('axes', [0, 1])],
      nodes: [
        createNode('ConstantOfShape', ['huge'], ['zeros']),
        createNode('ReduceSum', ['zeros', 'axes'], ['sum']),
        createNode('Add', ['x', 'sum'], ['y']),
      ],
    });
    const { changes } = await editModel(model, standardPasses, ortExecution());
    expect(changes['fold-constants']).toBe(0);
  });

  it('leaves quantized weights quantized', async () => {
    const weights = { ...waves('q', [3, 3]), elementType: elementTypes.INT8 };
    const model = modelOf({
      ...io,
      constants: [
        { ...weights, data: { kind: 'raw', bytes: new Uint8Array(9).fill(3) } },
        waves('scale', []),
      ],
      nodes: [createNode('DequantizeLinear', ['q', 'scale'], ['w']), createNode('MatMul', ['x', 'w'], ['y'])],
    });
    expect(await operatorsAfter(model)).toEqual(['DequantizeLinear', 'MatMul']);
  });

  it('keeps one of constants that are equal, but not those of another type', async () => {
    const model = modelOf({
      ...io,
      constants: [
        waves('a', [3]),
        waves('b', [3]),
        waves('c', [1, 3]),
        integers('d', [1]),
        integers('e', [1]),
      ],
      nodes: [
        createNode('Add', ['x', 'a'], ['v1']),
        createNode('Add', ['v1', 'b'], ['v2']),
        createNode('Add', ['v2', 'c'], ['v3']),
        createNode('ReduceSum', ['v3', 'd'], ['v4']),
        createNode('ReduceSum', ['v4', 'e'], ['v5']),
        createNode('Add', ['x', 'v5'], ['y']),
      ],
    });
    const edited = await editedSame(model, [mergeConstants]);
    expect([...edited.graph.initializers.keys()]).toEqual(['a', 'c', 'd']);
  });
});

describe('nodes that change nothing', () => {
  it.each([
    ['Identity', createNode('Identity', ['x'], ['v'])],
    ['Dropout', createNode('Dropout', ['x'], ['v', 'mask'])],
    ['Cast to what it is', createNode('Cast', ['x'], ['v'], { to: elementTypes.FLOAT })],
    ['Reshape to what it is', createNode('Reshape', ['x', 'shape'], ['v'])],
    ['Transpose to what it is', createNode('Transpose', ['x'], ['v'], { perm: [0, 1] })],
    ['Pad by nothing', createNode('Pad', ['x', 'zeros'], ['v'])],
    ['Slice of all', createNode('Slice', ['x', 'from', 'to'], ['v'])],
    ['Concat of one', createNode('Concat', ['x'], ['v'], { axis: 0 })],
    ['addition of zero', createNode('Add', ['zero', 'x'], ['v'])],
  ])('%s goes, and the output keeps its name', async (_, node) => {
    const zero = { ...waves('zero', []), data: { kind: 'raw' as const, bytes: new Uint8Array(4) } };
    const constants = [
      integers('shape', [2, 3]),
      integers('zeros', [0, 0, 0, 0]),
      integers('from', [0]),
      integers('to', [9]),
      zero,
    ];
    const first = modelOf({ ...io, constants, nodes: [node, createNode('Relu', ['v'], ['y'])] });
    expect(await operatorsAfter(first)).toEqual(['Relu']);
    const renamed = {
      ...node,
      inputs: node.inputs.map((input) => (input === 'x' ? 'r' : input)),
      outputs: ['y'],
    };
    const last = modelOf({ ...io, constants, nodes: [createNode('Relu', ['x'], ['r']), renamed] });
    expect(await operatorsAfter(last)).toEqual(['Relu']);
  });

  it.each([
    ['an input that is an output', { y: shape }, [createNode('Identity', ['x'], ['y'])]],
    [
      'a value that is an output twice',
      { y: shape, z: shape },
      [createNode('Relu', ['x'], ['y']), createNode('Identity', ['y'], ['z'])],
    ],
  ])('stay for %s', async (_, outputs, nodes) => {
    const model = modelOf({ inputs: io.inputs, outputs, nodes });
    expect(await operatorsAfter(model)).toEqual(nodes.map(({ opType }) => opType));
  });

  it('leaves a Slice that turns a value round, though its shape stays', async () => {
    const constants = [
      integers('from', [2]),
      integers('to', [-4]),
      integers('axes', [1]),
      integers('steps', [-1]),
    ];
    const model = modelOf({
      ...io,
      constants,
      nodes: [createNode('Slice', ['x', 'from', 'to', 'axes', 'steps'], ['y'])],
    });
    expect(await operatorsAfter(model)).toEqual(['Slice']);
  });

  it('takes a value itself instead of a slice of a Concat', async () => {
    const constants = [integers('two', [2]), integers('five', [5]), integers('axes', [-1])];
    const model = modelOf({
      inputs: { x: shape },
      outputs: { y: shape },
      constants: [...constants, waves('w', [2, 2])],
      nodes: [
        createNode('Relu', ['x'], ['r']),
        createNode('Concat', ['w', 'r'], ['joined'], { axis: 1 }),
        createNode('Slice', ['joined', 'two', 'five', 'axes'], ['part']),
        createNode('Neg', ['part'], ['y']),
      ],
    });
    expect(await operatorsAfter(model)).toEqual(['Relu', 'Neg']);
  });
});

describe('outputs', () => {
  const model = modelOf({
    inputs: { x: shape },
    outputs: { y: shape, z: shape },
    constants: [waves('w', [3])],
    nodes: [createNode('Add', ['x', 'w'], ['y']), createNode('Relu', ['x'], ['z'])],
  });

  it('keeps those that are wanted, and what they need', async () => {
    const { model: edited } = await editModel(model, [keepOutputs(['z']), ...standardPasses]);
    expect([operatorsOf(edited), edited.graph.initializers.size]).toEqual([['Relu'], 0]);
  });

  it('refuses names that are no outputs, and none at all', async () => {
    await expect(editModel(model, [keepOutputs(['q'])])).rejects.toThrow(
      '"q" is not an output of the model, which has "y", "z"',
    );
    await expect(editModel(model, [keepOutputs([])])).rejects.toThrow('at least one output');
  });

  it('makes a tensor of a map from class to probability, and keeps the classes', async () => {
    const ml = 'ai.onnx.ml';
    const scaled = createNode('Softmax', ['x'], ['p'], { axis: 1 });
    const zip = createNode('ZipMap', ['p'], ['y'], { classlabels_int64s: [4, 5, 6] }, ml);
    const mapped = modelOf({ ...io, nodes: [scaled, zip] });
    const { model: edited } = await editModel(mapped, [removeZipMap, ...standardPasses]);
    expect(operatorsOf(edited)).toEqual(['Softmax']);
    expect(edited.graph.outputs[0]?.type).toEqual({ kind: 'tensor', elementType: elementTypes.FLOAT, shape });
    expect(edited.metadata.get('classes:y')).toBe('[4,5,6]');
    expect((await answersOf(edited, inputsFor(edited))).y?.shape).toEqual(shape);
  });
});
