import type { Tensor } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/index.ts';
import {
  cloneModel,
  createConstant,
  createNode,
  elementsOf,
  elementTypes,
  type Model,
  type Node,
} from '../model/index.ts';
import { quantizeDynamic, quantizeStatic, quantizeWeights, storeHalf } from '../quantize/index.ts';
import { compareModels } from './models.ts';

const width = 32;

function weights(seed: number): Tensor {
  const numbers = Float32Array.from({ length: width * width }, (_, index) => Math.sin(seed + index * 1.7));
  return { datatype: 'FP32', shape: [width, width], data: new Uint8Array(numbers.buffer) };
}

/** Two branches from `input` that are added, then a chain to `output`. */
function createBranches(): Model {
  const builder = new GraphBuilder('branches');
  builder.input({ name: 'input', datatype: 'FP32', shape: [-1, width] });
  const product = (value: string, name: string, seed: number) =>
    builder.node('MatMul', [value, builder.initializer(`${name}_weight`, weights(seed))], name);
  builder.node('Relu', [product('input', 'left', 1)], 'left_active');
  builder.node('Sigmoid', [product('input', 'right', 2)], 'right_active');
  builder.node('Add', ['left_active', 'right_active'], 'sum');
  builder.node('Softmax', [product('sum', 'head', 3)], 'output', { axis: 1 });
  builder.output({ name: 'output', datatype: 'FP32', shape: [-1, width] });
  return builder.build();
}

function nodeCalled(model: Model, name: string): Node {
  const node = model.graph.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

/** The model with every name inside it replaced; inputs and outputs keep theirs. */
function renamed(model: Model, rename: (name: string) => string): Model {
  const copy = cloneModel(model);
  const fixed = new Set([...copy.graph.inputs, ...copy.graph.outputs].map(({ name }) => name));
  const other = (name: string) => (fixed.has(name) || name === '' ? name : rename(name));
  for (const node of copy.graph.nodes) {
    node.name = other(`${node.name} node`);
    node.inputs = node.inputs.map(other);
    node.outputs = node.outputs.map(other);
  }
  copy.graph.initializers = new Map(
    Array.from(copy.graph.initializers.values(), (constant) => [
      other(constant.name),
      { ...constant, name: other(constant.name) },
    ]),
  );
  return copy;
}

const ranges = new Map(
  ['input', 'left', 'right', 'left_active', 'right_active', 'sum', 'head', 'output'].map((name) => [
    name,
    { min: -8, max: 8 },
  ]),
);
const keep = new Set<string>();

describe('compareModels', () => {
  it('finds nothing between a model and its copy', () => {
    const model = createBranches();
    const bias = createConstant('', elementTypes.FLOAT, [1], Float32Array.of(0));
    model.graph.nodes.unshift(
      createNode('Constant', [], ['bias'], { value: { type: 'tensor', value: bias } }),
    );
    nodeCalled(model, 'sum').inputs[1] = 'bias';
    expect(compareModels(model, model)).toEqual(compareModels(model, cloneModel(model)));
    const { properties, nodes, weights: found } = compareModels(model, cloneModel(model));
    expect(properties).toEqual([]);
    expect(nodes).toEqual({ same: 7, changed: [], removed: [], added: [] });
    expect(found.compared.map(({ change }) => change)).toEqual(['none', 'none', 'none', 'none']);
    expect([...found.removed, ...found.added]).toEqual([]);
  });

  it('aligns nodes by structure, whatever they are called', () => {
    const model = createBranches();
    fc.assert(
      fc.property(fc.func(fc.string()), (random) => {
        const names = new Map<string, string>();
        const fresh = (name: string) => {
          const known = names.get(name) ?? `${random(name)}_${names.size}`;
          names.set(name, known);
          return known;
        };
        const { nodes, weights: found } = compareModels(model, renamed(model, fresh));
        expect(nodes).toEqual({ same: 7, changed: [], removed: [], added: [] });
        expect(found.compared.map(({ name, change }) => `${name} ${change}`).sort()).toEqual([
          'head_weight none',
          'left_weight none',
          'right_weight none',
        ]);
      }),
    );
  });

  it('tells what was put in and what was taken out', () => {
    const after = renamed(createBranches(), (name) => `other_${name}`);
    const sum = nodeCalled(after, 'other_sum node');
    const at = after.graph.nodes.indexOf(sum) + 1;
    after.graph.nodes.splice(at, 0, createNode('Tanh', ['other_sum'], ['bent']));
    const head = nodeCalled(after, 'other_head node');
    head.inputs[0] = 'bent';
    const { nodes } = compareModels(createBranches(), after);
    expect(nodes).toEqual({
      same: 6,
      changed: [
        {
          before: { name: 'head', opType: 'MatMul' },
          after: { name: 'other_head node', opType: 'MatMul' },
          changes: ['input 0 came from Add "sum", now from Tanh "bent"'],
        },
      ],
      removed: [],
      added: [{ name: 'bent', opType: 'Tanh' }],
    });
    const back = compareModels(after, createBranches()).nodes;
    expect(back).toMatchObject({ removed: [{ name: 'bent', opType: 'Tanh' }], added: [] });
  });

  it('tells changed attributes, head and schema', () => {
    const after = createBranches();
    nodeCalled(after, 'output').attributes.set('axis', { type: 'int', value: 0n });
    after.opsets = [{ domain: '', version: 20 }];
    after.metadata.set('author', 'somebody');
    after.graph.inputs = after.graph.inputs.map((input) => ({
      ...input,
      type: { kind: 'tensor', elementType: elementTypes.FLOAT, shape: [1, width] },
    }));
    const { nodes, properties } = compareModels(createBranches(), after);
    expect(nodes.changed.map(({ changes }) => changes)).toEqual([['axis 1 became 0']]);
    expect(properties).toEqual([
      { property: 'opset ai.onnx', before: '21', after: '20' },
      { property: 'input input', before: 'FLOAT[batch, 32]', after: 'FLOAT[1, 32]' },
      { property: 'metadata author', before: undefined, after: 'somebody' },
    ]);
  });

  it('measures weights that changed', () => {
    const after = createBranches();
    const weight = after.graph.initializers.get('left_weight');
    if (weight === undefined) throw new Error('no weight');
    const doubled = Float32Array.from(elementsOf(weight) as Float32Array, (number) => number * 2);
    const changed = createConstant('left_weight', elementTypes.FLOAT, weight.dims, doubled);
    after.graph.initializers.set('left_weight', changed);
    const [left] = compareModels(createBranches(), after).weights.compared;
    expect(left).toMatchObject({ name: 'left_weight', change: 'values', before: 'FLOAT[32,32]' });
    expect(left?.error?.relativeError).toBeCloseTo(1);
    expect(left?.error?.cosine).toBeCloseTo(1);
  });
});

describe('compareModels of quantized models', () => {
  const model = createBranches();
  const nbits = { bits: 4, blockSize: 16, form: 'matmul-nbits', symmetric: false, keep } as const;
  const variants: [string, Model, number][] = [
    [
      'static',
      quantizeStatic(model, ranges, {
        activations: 'uint8',
        activationsSymmetric: false,
        weights: 'int7',
        weightsSymmetric: true,
        perChannel: true,
        keep,
      }),
      0.01,
    ],
    ['4 bits', quantizeWeights(model, nbits), 0.1],
    ['4 bits, symmetric', quantizeWeights(model, { ...nbits, symmetric: true }), 0.1],
    ['8 bits', quantizeWeights(model, { ...nbits, bits: 8 }), 0.01],
    ['blocks of 4 bits', quantizeWeights(model, { ...nbits, form: 'blocked' }), 0.1],
    ['blocks of 8 bits', quantizeWeights(model, { ...nbits, form: 'blocked', bits: 8 }), 0.01],
    ['half precision', storeHalf(model), 0.001],
    ['dynamic', quantizeDynamic(model, { weights: 'int7', perChannel: true, keep }), 0.01],
  ];

  it.each(variants)('sees the same weights through %s', (_, variant, limit) => {
    const { nodes, weights: found } = compareModels(model, variant);
    const products = found.compared.filter(({ name }) => name.endsWith('_weight'));
    expect(products.map(({ name, change }) => `${name} ${change}`).sort()).toEqual([
      'head_weight quantized',
      'left_weight quantized',
      'right_weight quantized',
    ]);
    for (const { error } of products) {
      expect(error?.relativeError).toBeGreaterThan(0);
      expect(error?.relativeError).toBeLessThan(limit);
    }
    expect(nodes.removed.filter(({ opType }) => opType === 'MatMul')).toEqual([]);
  });
});
