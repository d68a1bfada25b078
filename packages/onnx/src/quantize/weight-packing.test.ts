import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answersOf, floats, fp32, modelOf, operatorsOf, relativeError, waves } from '../edit/edit.fixture.ts';
import {
  createConstant,
  createNode,
  elementTypes,
  intAttribute,
  type Model,
  type Node,
  numbersOf,
  rawBytes,
} from '../model/index.ts';
import { constantOf, options, product } from './weight-only.fixture.ts';
import { quantizeWeights } from './weight-only.ts';

/** What a product by the identity gives: the weight as ONNX Runtime unpacks it, [k, n]. */
async function unpacked(model: Model, k: number): Promise<Float32Array> {
  const identity = new Float32Array(k * k);
  for (let i = 0; i < k; i++) identity[i * k + i] = 1;
  const { y } = await answersOf(model, { x: fp32([k, k], identity) });
  return y ? floats(y) : new Float32Array();
}

function nodeOf(model: Model, opType: string): Node {
  const found = model.graph.nodes.find((node) => node.opType === opType);
  if (!found) throw new Error(`there is no ${opType}`);
  return found;
}

/** The n-th of codes of `bits` bits: the lower half of a byte comes first. */
function codeAt(bytes: Uint8Array, index: number, bits: number): number {
  return bits === 8 ? (bytes[index] ?? 0) : ((bytes[index >> 1] ?? 0) >> (4 * (index % 2))) & 15;
}

/** The weight [k, n] in the constants of a MatMulNBits, as ContribOperators.md defines them. */
function decoded(model: Model): Float32Array {
  const node = nodeOf(model, 'MatMulNBits');
  const of = (name: string) => intAttribute(node, name) ?? 0;
  const [k, n, bits, blockSize] = [of('K'), of('N'), of('bits'), of('block_size')];
  const blocks = Math.ceil(k / blockSize);
  const data = constantOf(model, node.inputs[1]);
  expect(data.dims).toEqual([n, blocks, (blockSize * bits) / 8]);
  const scales = constantOf(model, node.inputs[2]);
  expect(scales.dims).toEqual([n, blocks]);
  const zeroPoints = node.inputs[3] === undefined ? undefined : constantOf(model, node.inputs[3]);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  if (zeroPoints) expect(zeroPoints.dims).toEqual([n, zeroBytes]);
  const scaleNumbers = numbersOf(scales);
  return Float32Array.from({ length: k * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    const block = Math.floor(row / blockSize);
    const code = codeAt(rawBytes(data), column * blocks * blockSize + row, bits);
    const zero = zeroPoints
      ? codeAt(rawBytes(zeroPoints).subarray(column * zeroBytes), block, bits)
      : 2 ** (bits - 1);
    return (code - zero) * (scaleNumbers[column * blocks + block] ?? Number.NaN);
  });
}

function expectNear(actual: Float32Array, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of actual.entries())
    expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThanOrEqual(tolerance);
}

describe('MatMulNBits', () => {
  test('is packed as it is defined, and as ONNX Runtime unpacks it, at every size', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }),
        fc.constantFrom<4 | 8>(4, 8),
        fc.constantFrom(16, 32, 64),
        fc.boolean(),
        fc.boolean(),
        async (k, bits, blockSize, symmetric, transB) => {
          const n = Math.ceil(256 / k) + (k % 3);
          const weight = waves('w', transB ? [n, k] : [k, n], 0.3);
          const model = quantizeWeights(product(weight, { transB }), {
            ...options,
            bits,
            blockSize,
            symmetric,
          });
          const stored = decoded(model);
          const numbers = numbersOf(weight);
          const matrix = stored.map((_, at) => numbers[transB ? (at % n) * k + Math.floor(at / n) : at] ?? 0);
          // Values lie in -0.7..1.3: half a step of the widest block is what rounding may cost.
          expectNear(stored, matrix, ((symmetric ? 2.6 : 2) / (2 ** bits - 2) / 2) * 1.001);
          // Activations go through int8 inside, which holds a 1 exactly but for the rounding of its scale.
          expectNear(await unpacked(model, k), stored, 1e-5);
        },
      ),
      { numRuns: process.env.COVEY_LONG === undefined ? 15 : 200 },
    );
  });

  test('packs two codes to a byte and the zero points of each column on whole bytes', () => {
    // Three blocks per column; the second of the first column runs from -15 to 0, the others from 0 to 15.
    const numbers = Array.from({ length: 48 * 6 }, (_, i) => (i >= 16 && i < 32 ? -(i % 16) : i % 16));
    const weight = createConstant('w', elementTypes.FLOAT, [6, 48], Float32Array.from(numbers));
    const model = quantizeWeights(product(weight, { transB: true }), { ...options, symmetric: false });
    const [, data, scales, zeroPoints] = nodeOf(model, 'MatMulNBits').inputs;
    const bytes = [...rawBytes(constantOf(model, data))];
    expect(bytes.slice(0, 8)).toEqual([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
    expect(bytes.slice(8, 16)).toEqual([0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01]);
    expect([...rawBytes(constantOf(model, zeroPoints))].slice(0, 4)).toEqual([0xf0, 0x00, 0x00, 0x00]);
    expect(numbersOf(constantOf(model, scales)).every((scale) => scale === 1)).toBe(true);
  });

  test.each([
    [8, true, 0.01],
    [8, false, 0.01],
    [4, true, 0.05],
    [4, false, 0.05],
  ] as const)(
    '%i bits, symmetric %s: the product is within %f of that of fp32',
    async (bits, symmetric, limit) => {
      const model = product(waves('w', [64, 48], 0.3), { bias: true });
      const variant = quantizeWeights(model, { ...options, bits, symmetric });
      expect(operatorsOf(variant)).toEqual(['MatMulNBits', 'Add']);
      expect(variant.graph.inputs).toEqual(model.graph.inputs);
      expect(variant.graph.outputs).toEqual(model.graph.outputs);
      expect([...variant.graph.initializers.keys()]).not.toContain('w');
      const x = fp32([3, 64], numbersOf(waves('x', [192], 0.5)));
      const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
      const error = relativeError(answer.y, wanted.y);
      expect(error).toBeLessThan(limit);
      expect(error).toBeGreaterThan(0);
    },
  );

  test('zero points make numbers of one sign twice as exact', async () => {
    const model = product(waves('w', [64, 16], 1));
    const errorOf = (symmetric: boolean) => {
      const stored = decoded(quantizeWeights(model, { ...options, symmetric }));
      return relativeError(fp32([1024], stored), fp32([1024], numbersOf(waves('w', [1024], 1))));
    };
    expect(errorOf(false)).toBeLessThan(0.6 * errorOf(true));
  });
});

describe('DequantizeLinear in blocks', () => {
  test.each([
    ['int4', 4, true, false],
    ['uint4', 4, false, true],
    ['int8', 8, true, true],
    ['uint8', 8, false, false],
  ] as const)('%s, for %i bits, symmetric %s, transB %s', async (type, bits, symmetric, transB) => {
    const [k, n] = [40, 9];
    const weight = waves('w', transB ? [n, k] : [k, n], 0.3);
    const model = quantizeWeights(product(weight, { transB, bias: transB }), {
      ...options,
      form: 'blocked',
      bits,
      symmetric,
    });
    const node = nodeOf(model, 'DequantizeLinear');
    const [data, scales, zeroPoints] = node.inputs;
    expect(constantOf(model, data).elementType).toBe(
      {
        int4: elementTypes.INT4,
        uint4: elementTypes.UINT4,
        int8: elementTypes.INT8,
        uint8: elementTypes.UINT8,
      }[type],
    );
    expect(constantOf(model, data).dims).toEqual(weight.dims);
    expect(constantOf(model, scales).dims).toEqual(transB ? [n, 3] : [3, n]);
    expect(zeroPoints === undefined).toBe(symmetric);
    expect(intAttribute(node, 'axis')).toBe(transB ? 1 : 0);
    expect(model.opsets[0]?.version).toBe(21);
    const bias = transB ? numbersOf(waves('b', [n])) : new Array<number>(n).fill(0);
    const numbers = numbersOf(weight);
    const wanted = Array.from({ length: k * n }, (_, at) => {
      const [row, column] = [Math.floor(at / n), at % n];
      return (numbers[transB ? column * k + row : at] ?? 0) + (bias[column] ?? 0);
    });
    expectNear(await unpacked(model, k), wanted, (symmetric ? 2.6 : 2) / (2 ** bits - 2) / 2 + 1e-5);
  });

  test('a stack of matrices is summed over its middle axis', async () => {
    const model = modelOf({
      inputs: { x: [2, 3, 20] },
      outputs: { y: [2, 3, 8] },
      constants: [waves('w', [2, 20, 8])],
      nodes: [createNode('MatMul', ['x', 'w'], ['y'])],
    });
    const variant = quantizeWeights(model, { ...options, form: 'blocked', bits: 8 });
    expect(intAttribute(nodeOf(variant, 'DequantizeLinear'), 'axis')).toBe(1);
    const x = fp32([2, 3, 20], numbersOf(waves('x', [120])));
    const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
    expect(relativeError(answer.y, wanted.y)).toBeLessThan(0.01);
    // MatMulNBits takes matrices only.
    expect(operatorsOf(quantizeWeights(model, options))).toEqual(['MatMul']);
  });
});
