import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementTypes } from '../model/index.ts';
import { substitute } from './dimensions.ts';
import { inferShapes } from './index.ts';
import {
  absent,
  bytes,
  type Case,
  computedTypes,
  data,
  floats,
  inputTypes,
  integers,
  modelOf,
  typed,
  weights,
} from './one-node.fixture.ts';
import { windowFamilies } from './windows.fixture.ts';

const size = fc.integer({ min: 1, max: 6 });
const plane = fc.integer({ min: 5, max: 12 });
const shapes = (min: number, max: number) => fc.array(size, { minLength: min, maxLength: max });
const flag = fc.constantFrom(0, 1);
const families: Record<string, fc.Arbitrary<Case>> = {
  ...windowFamilies,
  'broadcast of two': fc
    .tuple(
      fc.constantFrom('Add', 'Mul', 'Pow', 'Less', 'Equal'),
      shapes(0, 4),
      fc.array(fc.boolean(), { maxLength: 4 }),
      fc.nat(4),
    )
    .map(([opType, shape, ones, dropped]) => ({
      opType,
      operands: [
        data(...shape),
        data(...shape.map((dimension, axis) => (ones[axis] ? 1 : dimension)).slice(dropped)),
      ],
    })),
  'any two shapes': fc
    .tuple(shapes(1, 3), shapes(1, 3))
    .map(([a, b]) => ({ opType: 'Sub', operands: [data(...a), data(...b)] })),
  MatMul: fc
    .tuple(shapes(0, 2), size, size, size, fc.nat(2), fc.boolean(), fc.boolean())
    .map(([batch, m, k, n, dropped, isRow, isColumn]) => ({
      opType: 'MatMul',
      operands: [
        isRow ? data(k) : data(...batch, m, k),
        isColumn ? data(k) : data(...batch.slice(dropped), k, n),
      ],
    })),
  Gemm: fc.tuple(size, size, size, flag, flag).map(([m, k, n, transA, transB]) => ({
    opType: 'Gemm',
    operands: [transA ? data(k, m) : data(m, k), transB ? data(n, k) : data(k, n)],
    attributes: { transA, transB },
  })),
  Reshape: fc
    .tuple(shapes(1, 4), fc.nat(4), fc.boolean(), fc.boolean())
    .map(([shape, at, opens, copies]) => ({
      opType: 'Reshape',
      operands: [
        data(...shape),
        integers(
          ...(copies ? shape : shape.toReversed()).map((dimension, axis) =>
            opens && axis === at ? -1 : copies && axis % 2 ? 0 : dimension,
          ),
        ),
      ],
    })),
  Slice: fc
    .tuple(
      shapes(1, 4),
      fc.integer({ min: -8, max: 8 }),
      fc.integer({ min: -8, max: 8 }),
      fc.constantFrom(1, 2, 3, -1, -2),
      fc.nat(3),
    )
    .map(([shape, start, end, step, axis]) => ({
      opType: 'Slice',
      operands: [
        data(...shape),
        integers(start),
        integers(end),
        integers(axis % shape.length),
        integers(step),
      ],
    })),
  Gather: fc.tuple(shapes(1, 3), shapes(0, 2), fc.nat(2)).map(([shape, indices, axis]) => ({
    opType: 'Gather',
    operands: [data(...shape), typed(elementTypes.INT64, ...indices)],
    attributes: { axis: axis % shape.length },
  })),
  Split: fc.tuple(shapes(1, 3), fc.nat(2), fc.integer({ min: 1, max: 3 })).map(([shape, axis, count]) => ({
    opType: 'Split',
    operands: [data(...shape)],
    outputs: count,
    attributes: { axis: axis % shape.length, num_outputs: count },
  })),
  Concat: fc.tuple(shapes(1, 3), fc.nat(2), size).map(([shape, axis, other]) => ({
    opType: 'Concat',
    operands: [data(...shape), data(...shape.with(axis % shape.length, other))],
    attributes: { axis: axis % shape.length },
  })),
  Pad: fc
    .tuple(shapes(1, 3), fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 6, maxLength: 6 }))
    .map(([shape, pads]) => ({
      opType: 'Pad',
      operands: [data(...shape), integers(...pads.slice(0, 2 * shape.length))],
    })),
  reductions: fc
    .tuple(fc.constantFrom('ReduceMean', 'ReduceMax', 'ReduceSumSquare'), shapes(1, 4), fc.nat(3), flag, flag)
    .map(([opType, shape, axis, keepdims, noop]) => ({
      opType,
      operands: [
        data(...shape),
        axis === 3 ? absent : integers((axis % shape.length) - (axis === 2 ? shape.length : 0)),
      ],
      attributes: { keepdims, noop_with_empty_axes: noop },
    })),
  ArgMax: fc.tuple(shapes(1, 4), fc.nat(3), flag).map(([shape, axis, keepdims]) => ({
    opType: 'ArgMax',
    operands: [data(...shape)],
    attributes: { axis: axis % shape.length, keepdims },
  })),
  TopK: fc.tuple(shapes(1, 3), fc.nat(2)).map(([shape, axis]) => ({
    opType: 'TopK',
    operands: [data(...shape), integers(1)],
    outputs: 2,
    attributes: { axis: axis % shape.length },
  })),
  'axes added and dropped': fc
    .tuple(fc.constantFrom('Squeeze', 'Unsqueeze'), shapes(1, 3), fc.nat(2))
    .map(([opType, shape, axis]) => ({
      opType,
      operands: [data(...shape.with(axis % shape.length, 1)), integers(axis % shape.length)],
    })),
  'Transpose, Flatten': fc
    .tuple(fc.constantFrom('Transpose', 'Flatten', 'Shape', 'Size'), shapes(1, 4))
    .map(([opType, shape]) => ({
      opType,
      operands: [data(...shape)],
    })),
  Tile: shapes(1, 3).map((shape) => ({
    opType: 'Tile',
    operands: [data(...shape), integers(...shape.toReversed())],
  })),
  Expand: fc.tuple(shapes(1, 3), shapes(1, 3)).map(([shape, wanted]) => ({
    opType: 'Expand',
    operands: [data(...shape), integers(...wanted)],
  })),
  Resize: fc
    .tuple(plane, plane, fc.float({ min: Math.fround(0.3), max: 3, noNaN: true }))
    .map(([height, width, scale]) => ({
      opType: 'Resize',
      operands: [data(1, 2, height, width), absent, floats(1, 1, scale, 2)],
    })),
  'depth and space': fc
    .tuple(fc.constantFrom('DepthToSpace', 'SpaceToDepth'), size, size, size)
    .map(([opType, depth, height, width]) => ({
      opType,
      operands: [data(1, depth * 4, height * 2, width * 2)],
      attributes: { blocksize: 2 },
    })),
  recurrent: fc
    .tuple(
      fc.constantFrom('RNN', 'GRU', 'LSTM'),
      size,
      size,
      size,
      size,
      fc.constantFrom('forward', 'reverse', 'bidirectional'),
    )
    .map(([opType, time, batch, input, hidden, direction]) => {
      const directions = direction === 'bidirectional' ? 2 : 1;
      const rows = hidden * (opType === 'RNN' ? 1 : opType === 'GRU' ? 3 : 4);
      return {
        opType,
        operands: [
          data(time, batch, input),
          weights(directions, rows, input),
          weights(directions, rows, hidden),
        ],
        outputs: opType === 'LSTM' ? 3 : 2,
        attributes: { hidden_size: hidden, direction },
      };
    }),
  'quantized operators': fc
    .tuple(shapes(1, 4), fc.constantFrom('QuantizeLinear', 'DynamicQuantizeLinear'))
    .map(([shape, opType]) => ({
      opType,
      operands:
        opType === 'QuantizeLinear'
          ? [data(...shape), typed(elementTypes.FLOAT), typed(elementTypes.INT8)]
          : [data(...shape)],
      outputs: opType === 'QuantizeLinear' ? 1 : 3,
    })),
  OneHot: fc.tuple(shapes(1, 3), size).map(([shape, depth]) => ({
    opType: 'OneHot',
    operands: [typed(elementTypes.INT64, ...shape), integers(depth), floats(0, 1)],
  })),
  normalization: fc.tuple(fc.constantFrom('LayerNormalization'), shapes(1, 3)).map(([opType, shape]) => ({
    opType,
    operands: [data(...shape), weights(shape.at(-1) ?? 1)],
    outputs: 2,
  })),
  Einsum: fc.tuple(size, size, size, size).map(([b, h, q, k]) => ({
    opType: 'Einsum',
    operands: [data(b, h, q), data(b, k, q)],
    attributes: { equation: 'bhq,bkq->bhk' },
  })),
  'integer products': fc.tuple(size, size, size).map(([m, k, n]) => ({
    opType: 'MatMulInteger',
    operands: [typed(elementTypes.UINT8, m, k), bytes(k, n)],
  })),
  'fused operators of com.microsoft': fc
    .tuple(
      fc.constantFrom('FusedMatMul', 'SkipLayerNormalization', 'BiasGelu', 'QuickGelu'),
      size,
      size,
      size,
    )
    .map(([opType, batch, length, width]) => ({
      opType,
      domain: 'com.microsoft',
      operands: [
        data(batch, length, width),
        ...(opType === 'FusedMatMul' ? [data(batch, width, 4)] : []),
        ...(opType === 'SkipLayerNormalization' ? [data(batch, length, width), weights(width)] : []),
        ...(opType === 'BiasGelu' ? [weights(width)] : []),
      ],
    })),
};

describe('types of outputs are those that ONNX Runtime computes', () => {
  test.each(Object.entries(families))('%s', async (_, cases) => {
    let ran = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const model = modelOf(one);
        const computed = await computedTypes(model, inputTypes(model));
        // What cannot run may be refused; what can must not be.
        if (computed === undefined) return;
        ran++;
        const inferred = inferShapes(model);
        for (const [name, type] of computed) expect(inferred.get(name)).toEqual(type);
        const sizes = new Map<string, number>();
        const symbolic = inferShapes(modelOf(one, sizes));
        for (const [name, type] of computed)
          for (const [axis, dimension] of (symbolic.get(name)?.shape ?? []).entries())
            if (dimension !== null) expect(substitute(dimension, sizes)).toBe(type.shape?.[axis]);
      }),
      { numRuns: 60, seed: 3 },
    );
    expect(ran).toBeGreaterThan(10);
  });
});
