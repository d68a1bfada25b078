import { describe, expect, it } from 'vitest';
import { createNode, elementTypes, numbersOf } from '../model/index.ts';
import { dropUnused } from './drop-unused.ts';
import { editedSame, modelOf, operatorsOf, waves } from './edit.fixture.ts';
import { foldAffine } from './fold-affine.ts';
import { gemmBeforeNorm } from './gemm-before-norm.ts';

const passes = [gemmBeforeNorm, foldAffine, dropUnused];
const normParameters = (channels: number) => [
  waves('scale', [channels], 2),
  waves('shift', [channels]),
  waves('mean', [channels]),
  waves('variance', [channels], 1.5),
];
const norm = (input: string, output = 'y') =>
  createNode('BatchNormalization', [input, 'scale', 'shift', 'mean', 'variance'], [output]);

describe('fold-affine', () => {
  it.each([
    ['a convolution without a bias', ['w'], {}, [8, 4, 1, 1]],
    ['a convolution with a bias', ['w', 'b'], {}, [8, 4, 1, 1]],
    ['a grouped convolution', ['w', 'b'], { group: 4 }, [8, 1, 1, 1]],
  ] as const)('folds batch normalization into %s', async (_, weights, attributes, dims) => {
    const model = modelOf({
      inputs: { x: [1, 4, 3, 3] },
      outputs: { y: [1, 8, 3, 3] },
      constants: [waves('w', [...dims]), waves('b', [8]), ...normParameters(8)],
      nodes: [createNode('Conv', ['x', ...weights], ['c'], attributes), norm('c')],
    });
    expect(operatorsOf(await editedSame(model, passes))).toEqual(['Conv']);
  });

  it.each([1, 2])('folds batch normalization into a transposed convolution of %i groups', async (group) => {
    const model = modelOf({
      inputs: { x: [1, 4, 3, 3] },
      outputs: { y: [1, 6, 4, 4] },
      constants: [waves('w', [4, 6 / group, 2, 2]), ...normParameters(6)],
      nodes: [createNode('ConvTranspose', ['x', 'w'], ['c'], { group }), norm('c')],
    });
    expect(operatorsOf(await editedSame(model, passes))).toEqual(['ConvTranspose']);
  });

  it.each([
    [{ transB: 0 }, [5, 3]],
    [{ transB: 1, alpha: { type: 'float', value: 0.5 }, beta: { type: 'float', value: 3 } }, [3, 5]],
  ] as const)('folds batch normalization into Gemm with %o', async (attributes, dims) => {
    const model = modelOf({
      inputs: { x: [2, 5] },
      outputs: { y: [2, 3] },
      constants: [waves('w', [...dims]), waves('b', [3]), ...normParameters(3)],
      nodes: [createNode('Gemm', ['x', 'w', 'b'], ['c'], attributes), norm('c')],
    });
    expect(operatorsOf(await editedSame(model, passes))).toEqual(['Gemm']);
  });

  it('folds batch normalization into MatMul and what is added to it', async () => {
    const model = modelOf({
      inputs: { x: [2, 5] },
      outputs: { y: [2, 3] },
      constants: [waves('w', [5, 3]), waves('b', [3]), ...normParameters(3)],
      nodes: [createNode('MatMul', ['x', 'w'], ['m']), createNode('Add', ['b', 'm'], ['c']), norm('c')],
    });
    expect(operatorsOf(await editedSame(model, passes))).toEqual(['Gemm']);
  });

  it('folds a chain of arithmetic per channel', async () => {
    const model = modelOf({
      inputs: { x: [1, 2, 3, 3] },
      outputs: { y: [1, 2, 3, 3] },
      constants: [
        waves('w', [2, 2, 1, 1]),
        waves('c', [2, 1, 1], 3),
        waves('d', [1, 2, 1, 1]),
        waves('e', []),
      ],
      nodes: [
        createNode('Conv', ['x', 'w'], ['v1']),
        createNode('Sub', ['c', 'v1'], ['v2']),
        createNode('Div', ['v2', 'c'], ['v3']),
        createNode('Add', ['d', 'v3'], ['v4']),
        createNode('Mul', ['v4', 'e'], ['y']),
      ],
    });
    expect(operatorsOf(await editedSame(model, passes))).toEqual(['Conv']);
  });

  it('copies weights that another node has too', async () => {
    const model = modelOf({
      inputs: { x: [1, 2, 3, 3] },
      outputs: { y: [1, 2, 3, 3], z: [1, 2, 3, 3] },
      constants: [waves('w', [2, 2, 1, 1]), ...normParameters(2)],
      nodes: [createNode('Conv', ['x', 'w'], ['c']), createNode('Conv', ['x', 'w'], ['z']), norm('c')],
    });
    const edited = await editedSame(model, passes);
    expect(operatorsOf(edited)).toEqual(['Conv', 'Conv']);
    expect(edited.graph.initializers.get('w')).toEqual(model.graph.initializers.get('w'));
  });

  it('leaves alone a convolution that someone else takes, or whose output is wanted', async () => {
    const parts = {
      inputs: { x: [1, 2, 3, 3] },
      constants: [waves('w', [2, 2, 1, 1]), ...normParameters(2)],
      nodes: [createNode('Conv', ['x', 'w'], ['c']), norm('c', 'n'), createNode('Add', ['c', 'n'], ['y'])],
    };
    const shape = [1, 2, 3, 3];
    const taken = await editedSame(modelOf({ ...parts, outputs: { y: shape } }), passes);
    expect(operatorsOf(taken)).toEqual(['Conv', 'BatchNormalization', 'Add']);
    const wanted = modelOf({ ...parts, nodes: parts.nodes.slice(0, 2), outputs: { c: shape, n: shape } });
    expect(operatorsOf(await editedSame(wanted, passes))).toEqual(['Conv', 'BatchNormalization']);
  });

  it('leaves alone an addition that broadcasts the convolution itself', async () => {
    const model = modelOf({
      inputs: { x: [1, 2, 1, 1] },
      outputs: { y: [1, 2, 3, 1] },
      constants: [waves('w', [2, 2, 1, 1]), waves('rows', [1, 1, 3, 1])],
      nodes: [createNode('Conv', ['x', 'w'], ['c']), createNode('Add', ['c', 'rows'], ['y'])],
    });
    expect(operatorsOf(await editedSame(model, passes))).toEqual(['Conv', 'Add']);
  });

  it('folds nothing that would no longer be a number', async () => {
    const parameters = normParameters(2).map((constant) =>
      constant.name === 'variance'
        ? { ...waves('variance', [2]), ...constantOf('variance', [-1, 1]) }
        : constant,
    );
    const model = modelOf({
      inputs: { x: [1, 2, 3, 3] },
      outputs: { y: [1, 2, 3, 3] },
      constants: [waves('w', [2, 2, 1, 1]), ...parameters],
      nodes: [createNode('Conv', ['x', 'w'], ['c']), norm('c')],
    });
    expect(await foldAffine.apply(model, undefined)).toBe(0);
    expect(numbersOf(model.graph.initializers.get('w') ?? waves('w', [])).every(Number.isFinite)).toBe(true);
  });
});

function constantOf(name: string, numbers: number[]) {
  const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
  return {
    name,
    elementType: elementTypes.FLOAT,
    dims: [numbers.length],
    data: { kind: 'raw' as const, bytes },
  };
}
