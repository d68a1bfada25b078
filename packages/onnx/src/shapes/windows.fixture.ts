import fc from 'fast-check';
import { type AttributeInput, elementTypes } from '../model/index.ts';
import { bytes, type Case, data, typed, weights } from './one-node.fixture.ts';

const flag = fc.constantFrom(0, 1);
const plane = fc.integer({ min: 5, max: 12 });
const autoPad = fc.constantFrom('NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID');

const windows = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  pad: fc.integer({ min: 0, max: 1 }),
  height: plane,
  width: plane,
  auto: autoPad,
  channels: fc.integer({ min: 1, max: 3 }),
  filters: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 2 }),
  ceil: flag,
});

type WindowSizes = typeof windows extends fc.Arbitrary<infer Sizes> ? Sizes : never;

function windowAttributes({
  kernel,
  stride,
  dilation,
  pad,
  auto,
}: WindowSizes): Record<string, AttributeInput> {
  const dilations = auto.startsWith('SAME') ? 1 : dilation;
  return {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    dilations: [dilations, dilations],
    ...(auto === 'NOTSET' ? { pads: [pad, pad, 0, pad] } : { auto_pad: auto }),
  };
}

/** Operators that slide a window over a plane. */
export const windowFamilies: Record<string, fc.Arbitrary<Case>> = {
  Conv: windows.map((sizes) => ({
    opType: 'Conv',
    operands: [
      data(2, sizes.channels * sizes.group, sizes.height, sizes.width),
      weights(sizes.filters * sizes.group, sizes.channels, sizes.kernel, sizes.kernel),
    ],
    attributes: { ...windowAttributes(sizes), group: sizes.group },
  })),
  ConvTranspose: windows.map((sizes) => ({
    opType: 'ConvTranspose',
    operands: [
      data(1, sizes.channels, sizes.height, sizes.width),
      weights(sizes.channels, sizes.filters, sizes.kernel, sizes.kernel),
    ],
    attributes: windowAttributes(sizes),
  })),
  pools: fc.tuple(fc.constantFrom('MaxPool', 'AveragePool'), windows).map(([opType, sizes]) => ({
    opType,
    operands: [data(1, sizes.channels, sizes.height, sizes.width)],
    outputs: opType === 'MaxPool' ? 2 : 1,
    attributes: { ...windowAttributes(sizes), ceil_mode: sizes.ceil },
  })),
  ConvInteger: windows.map((sizes) => ({
    opType: 'ConvInteger',
    operands: [
      typed(elementTypes.UINT8, 1, sizes.channels, sizes.height, sizes.width),
      bytes(sizes.filters, sizes.channels, sizes.kernel, sizes.kernel),
    ],
    attributes: windowAttributes(sizes),
  })),
};
