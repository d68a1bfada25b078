import {
  type Dimension,
  elementTypes,
  intAttribute,
  intsAttribute,
  textAttribute,
} from '../../model/index.ts';
import { type Call, fail, formatShape, numbersIn, type Rule, type Rules } from '../call.ts';
import { add, ceilDivide, floorDivide, multiply } from '../dimensions.ts';
import { type Known, known } from '../known.ts';

/** How a window moves over the spatial axes of a tensor: of convolutions and pools, `rank` numbers of each. */
interface Windows {
  kernel: Dimension[];
  strides: number[];
  dilations: number[];
  padsBefore: number[];
  padsAfter: number[];
  automatic: 'VALID' | 'SAME' | undefined;
}

function windowsOf(call: Call, rank: number, weights?: readonly Dimension[]): Windows {
  const { node } = call;
  const numbers = (name: string, otherwise: number, count: number) => {
    const values = intsAttribute(node, name) ?? new Array<number>(count).fill(otherwise);
    if (values.length !== count)
      fail(call, `"${name}" has ${values.length} numbers, ${rank} spatial dimensions take ${count}`);
    return values;
  };
  const kernel: Dimension[] =
    intsAttribute(node, 'kernel_shape') ?? weights?.slice(2) ?? new Array<Dimension>(rank).fill(null);
  if (kernel.length !== rank)
    fail(call, `the kernel has ${kernel.length} dimensions, the data ${rank} spatial ones`);
  const pads = numbers('pads', 0, 2 * rank);
  const autoPad = textAttribute(node, 'auto_pad');
  const strides = numbers('strides', 1, rank);
  const dilations = numbers('dilations', 1, rank);
  if ([...strides, ...dilations].some((step) => step < 1)) fail(call, 'strides and dilations are 1 or more');
  return {
    kernel,
    strides,
    dilations,
    padsBefore: pads.slice(0, rank),
    padsAfter: pads.slice(rank),
    automatic: autoPad === 'VALID' ? 'VALID' : autoPad?.startsWith('SAME') ? 'SAME' : undefined,
  };
}

/** (kernel - 1) * dilation + 1: what a window spans. */
function spanOf(windows: Windows, axis: number): Dimension {
  return add(multiply(add(windows.kernel[axis] ?? null, 1, -1), windows.dilations[axis] ?? 1), 1);
}

/** Windows that fit on one axis (Conv, "output shape"; the rounding up is that of pools with `ceil_mode`). */
function windowCount(
  call: Call,
  windows: Windows,
  axis: number,
  size: Dimension,
  roundsUp: boolean,
): Dimension {
  const stride = windows.strides[axis] ?? 1;
  if (windows.automatic === 'SAME') return ceilDivide(size, stride);
  const before = windows.automatic ? 0 : (windows.padsBefore[axis] ?? 0);
  const after = windows.automatic ? 0 : (windows.padsAfter[axis] ?? 0);
  const room = add(add(size, before + after), spanOf(windows, axis), -1);
  if (typeof room === 'number' && room < 0)
    return fail(
      call,
      `a window of ${spanOf(windows, axis)} is larger than its padded input of ${size} on axis ${axis + 2}`,
    );
  if (!roundsUp) return add(floorDivide(room, stride), 1);
  const count = add(ceilDivide(room, stride), 1);
  if (typeof count !== 'number' || typeof size !== 'number') return stride === 1 ? count : null;
  // A last window that would begin in the padding behind the data is left out.
  return (count - 1) * stride >= size + before ? count - 1 : count;
}

/** [N, C, spatial...] of input `data` convolved with `weights` [M, C / group, kernel...]. */
function convolved(call: Call, data: Known | undefined, weights: Known | undefined): Dimension[] | undefined {
  const shape = data?.shape;
  const kernel = weights?.shape;
  if (shape === undefined) return undefined;
  const rank = shape.length - 2;
  if (rank < 1) return fail(call, `the data ${formatShape(shape)} has no spatial dimension`);
  if (kernel && kernel.length !== shape.length)
    fail(call, `weights ${formatShape(kernel)} do not match data ${formatShape(shape)}`);
  const channels = multiply(kernel?.[1] ?? null, intAttribute(call.node, 'group') ?? 1);
  if (typeof channels === 'number' && typeof shape[1] === 'number' && channels !== shape[1])
    fail(
      call,
      `weights ${formatShape(kernel)} take ${channels} channels, the data ${formatShape(shape)} has ${shape[1]}`,
    );
  const windows = windowsOf(call, rank, kernel);
  const spatial = shape.slice(2).map((size, axis) => windowCount(call, windows, axis, size, false));
  return [shape[0] ?? null, kernel?.[0] ?? null, ...spatial];
}

const conv: Rule = (call) => {
  const [data, weights] = call.inputs;
  return [data && known(data.elementType, convolved(call, data, weights))];
};

/** Int8 data and weights, INT32 sums. */
const convInteger: Rule = (call) => [
  known(elementTypes.INT32, convolved(call, call.inputs[0], call.inputs[1])),
];

/** x, its scale and zero point, w, its scale and zero point, the scale and zero point of y, whose type y has. */
const qlinearConv: Rule = (call) => {
  const isLast = intAttribute(call.node, 'channels_last') === 1;
  const zeroPoint = call.inputs[7] ?? call.inputs[0];
  return [
    zeroPoint &&
      known(zeroPoint.elementType, isLast ? undefined : convolved(call, call.inputs[0], call.inputs[3])),
  ];
};

const convTranspose: Rule = (call) => {
  const [data, weights] = call.inputs;
  const shape = data?.shape;
  if (data === undefined || shape === undefined) return [data];
  const rank = shape.length - 2;
  if (rank < 1) return fail(call, `the data ${formatShape(shape)} has no spatial dimension`);
  const windows = windowsOf(call, rank, weights?.shape);
  const wanted = intsAttribute(call.node, 'output_shape');
  const added = intsAttribute(call.node, 'output_padding') ?? [];
  const spatial = shape.slice(2).map((size, axis) => {
    const stride = windows.strides[axis] ?? 1;
    if (wanted) return wanted[wanted.length - rank + axis] ?? null;
    const span = spanOf(windows, axis);
    const spread = add(multiply(add(size, 1, -1), stride), span);
    if (windows.automatic === 'SAME') {
      // A window shorter than its stride leaves nothing to cut off (the specification says size * stride all the same).
      return typeof span === 'number' && span < stride ? spread : multiply(size, stride);
    }
    const pads = windows.automatic ? 0 : (windows.padsBefore[axis] ?? 0) + (windows.padsAfter[axis] ?? 0);
    return add(spread, (added[axis] ?? 0) - pads);
  });
  const channels = multiply(weights?.shape?.[1] ?? null, intAttribute(call.node, 'group') ?? 1);
  return [known(data.elementType, [shape[0] ?? null, channels, ...spatial])];
};

/** The shape of a pool's output; channels stand last where `isLast`. */
function pooled(call: Call, shape: readonly Dimension[], isLast: boolean): Dimension[] {
  const rank = shape.length - 2;
  if (rank < 1) return fail(call, `the data ${formatShape(shape)} has no spatial dimension`);
  const windows = windowsOf(call, rank);
  const roundsUp = intAttribute(call.node, 'ceil_mode') === 1;
  const spatial = (isLast ? shape.slice(1, -1) : shape.slice(2)).map((size, axis) =>
    windowCount(call, windows, axis, size, roundsUp),
  );
  const [batch = null] = shape;
  return isLast ? [batch, ...spatial, shape.at(-1) ?? null] : [batch, shape[1] ?? null, ...spatial];
}

const pool: Rule = (call) => {
  const [data] = call.inputs;
  if (data?.shape === undefined)
    return [data && known(data.elementType, undefined), known(elementTypes.INT64, undefined)];
  const isLast = call.node.opType === 'NhwcMaxPool' || intAttribute(call.node, 'channels_last') === 1;
  const shape = pooled(call, data.shape, isLast);
  return [known(data.elementType, shape), known(elementTypes.INT64, shape)];
};

const globalPool: Rule = (call) => {
  const [data] = call.inputs;
  const isLast = intAttribute(call.node, 'channels_last') === 1;
  const shape = data?.shape?.map((size, axis, { length }) =>
    axis === 0 || axis === (isLast ? length - 1 : 1) ? size : 1,
  );
  return [data && known(data.elementType, shape)];
};

/** [N, C, ...] and regions [R, 4 or 5] -> [R, C, height, width]. */
function regionPool(height: (call: Call) => Dimension, width: (call: Call) => Dimension): Rule {
  return (call) => {
    const [data, regions] = call.inputs;
    const count = regions?.shape?.[0] ?? null;
    return [
      data &&
        known(data.elementType, data.shape && [count, data.shape[1] ?? null, height(call), width(call)]),
    ];
  };
}

/** Columns [N, C * block, L] back to an image: [N, C, image...]. */
const columnsToImage: Rule = (call) => {
  const [data] = call.inputs;
  const image = numbersIn(call, 1);
  const block = numbersIn(call, 2);
  if (!data || !image || !block) return [data && known(data.elementType, undefined)];
  const channels = data.shape?.[1];
  const area = block.reduce((total, size) => total * size, 1);
  return [
    known(data.elementType, [
      data.shape?.[0] ?? null,
      typeof channels === 'number' ? channels / area : null,
      ...image,
    ]),
  ];
};

export const windowRules: Rules = {
  Conv: conv,
  DeformConv: conv,
  ConvInteger: convInteger,
  QLinearConv: qlinearConv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalMaxPool: globalPool,
  GlobalAveragePool: globalPool,
  GlobalLpPool: globalPool,
  RoiAlign: regionPool(
    ({ node }) => intAttribute(node, 'output_height') ?? 1,
    ({ node }) => intAttribute(node, 'output_width') ?? 1,
  ),
  MaxRoiPool: regionPool(
    ({ node }) => intsAttribute(node, 'pooled_shape')?.[0] ?? null,
    ({ node }) => intsAttribute(node, 'pooled_shape')?.[1] ?? null,
  ),
  Col2Im: columnsToImage,
};

export const microsoftWindowRules: Rules = {
  FusedConv: conv,
  QLinearConv: qlinearConv,
  NhwcMaxPool: (call) => pool(call).slice(0, 1),
  QLinearAveragePool: (call) => pool(call).slice(0, 1),
  QLinearGlobalAveragePool: globalPool,
};
