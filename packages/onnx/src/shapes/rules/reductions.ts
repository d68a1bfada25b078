import { type Dimension, elementTypes, intAttribute } from '../../model/index.ts';
import {
  axesOf,
  axisAttribute,
  axisOf,
  type Call,
  isGiven,
  like,
  numbersIn,
  type Rule,
  type Rules,
} from '../call.ts';
import { product } from '../dimensions.ts';
import { countOf, known } from '../known.ts';
import { computations } from './contents.ts';

const reduce: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  if (input === undefined || dims === undefined) return [input && known(input.elementType, undefined)];
  const keepsDimensions = (intAttribute(call.node, 'keepdims') ?? 1) !== 0;
  const axes = axesOf(call, 'axes', 1);
  if (axes === 'unknown')
    return [known(input.elementType, keepsDimensions ? dims.map(() => null) : undefined)];
  const isNone = axes === 'absent' || axes.length === 0;
  if (isNone && intAttribute(call.node, 'noop_with_empty_axes') === 1) return [input];
  const gone = new Set(isNone ? dims.keys() : axes.map((axis) => axisOf(call, axis, dims.length)));
  const rest = dims.map((dimension, axis) => (gone.has(axis) ? 1 : dimension));
  const shape = keepsDimensions ? rest : rest.filter((_, axis) => !gone.has(axis));
  return [known(input.elementType, shape, countOf(shape) === 1 ? reducedContents(call) : undefined)];
};

/** Sizes are multiplied by ReduceProd, and now and then by the others. */
function reducedContents({ node, inputs: [input] }: Call): Dimension[] | undefined {
  const contents = input?.contents;
  if (contents === undefined || contents.length === 0) return undefined;
  if (node.opType === 'ReduceProd') return [product(contents)];
  const name = new Map([
    ['ReduceSum', 'Add'],
    ['ReduceMax', 'Max'],
    ['ReduceMin', 'Min'],
  ]).get(node.opType);
  const compute = name === undefined ? undefined : computations.get(name);
  return compute && [contents.reduce((total, element) => compute([total, element], input?.elementType ?? 0))];
}

/** The place of the largest or smallest on an axis. */
const argument: Rule = (call) => {
  const dims = call.inputs[0]?.shape;
  if (dims === undefined) return [known(elementTypes.INT64, undefined)];
  const axis = axisAttribute(call, 'axis', 0, dims.length);
  const keepsDimensions = (intAttribute(call.node, 'keepdims') ?? 1) !== 0;
  return [known(elementTypes.INT64, keepsDimensions ? dims.with(axis, 1) : dims.toSpliced(axis, 1))];
};

/** With the running mean and variance behind it, which only training gives. */
const batchNormalization: Rule = (call) => {
  const [data, scale] = call.inputs;
  const statistics = scale && known(scale.elementType, scale.shape);
  return [data && known(data.elementType, data.shape), ...call.node.outputs.slice(1).map(() => statistics)];
};

/** With mean and inverse deviation behind it, in the type that `stash_type` names. */
const layerNormalization: Rule = (call) => {
  const [data] = call.inputs;
  const dims = data?.shape;
  if (data === undefined || dims === undefined) return [data];
  const axis = axisAttribute(call, 'axis', -1, dims.length);
  const statistics = known(
    intAttribute(call.node, 'stash_type') ?? elementTypes.FLOAT,
    dims.map((dimension, at) => (at < axis ? dimension : 1)),
  );
  return [known(data.elementType, dims), statistics, statistics];
};

/** Sizes times scales, as the operator of each opset takes them; `Upsample` is its older name. */
const resize: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  if (input === undefined || dims === undefined) return [input && known(input.elementType, undefined)];
  const unknown = [
    known(
      input.elementType,
      dims.map(() => null),
    ),
  ];
  const axes = axesOf(call, 'axes', Number.POSITIVE_INFINITY);
  const resized =
    typeof axes === 'string' ? [...dims.keys()] : axes.map((axis) => axisOf(call, axis, dims.length));
  const isOlder = call.version < 11;
  const scales = resizeScales(call, isOlder ? 1 : 2);
  if (!isOlder && isGiven(call, 3)) {
    if (call.node.attributes.has('keep_aspect_ratio_policy')) return unknown;
    const sizes = call.inputs[3]?.contents;
    return [
      known(
        input.elementType,
        replaced(dims, resized, (index) => sizes?.[index] ?? null),
      ),
    ];
  }
  if (scales === undefined) return unknown;
  const scaled = (index: number, size: Dimension) => {
    const scale = scales[index];
    if (scale === 1) return size;
    return typeof size === 'number' && scale !== undefined ? Math.floor(Math.fround(size * scale)) : null;
  };
  return [known(input.elementType, replaced(dims, resized, scaled))];
};

function resizeScales(call: Call, index: number): number[] | undefined {
  const attribute = call.node.attributes.get('scales');
  if (attribute?.type === 'floats') return [...attribute.value];
  return isGiven(call, index) ? numbersIn(call, index) : undefined;
}

function replaced(
  dims: readonly Dimension[],
  axes: readonly number[],
  sizeOf: (index: number, size: Dimension) => Dimension,
): Dimension[] {
  const result = [...dims];
  for (const [index, axis] of axes.entries()) result[axis] = sizeOf(index, dims[axis] ?? null);
  return result;
}

/** [N, C, in...] sampled at a grid [N, out..., 2 or 3]. */
const gridSample: Rule = ({ inputs: [data, grid] }) => {
  if (data?.shape === undefined || grid?.shape === undefined)
    return [data && known(data.elementType, undefined)];
  return [
    known(data.elementType, [data.shape[0] ?? null, data.shape[1] ?? null, ...grid.shape.slice(1, -1)]),
  ];
};

/** [N, 2, 3] or [N, 3, 4] and the wanted size -> a grid [N, spatial..., 2 or 3]. */
const affineGrid: Rule = ({ inputs: [theta, size] }) => {
  const wanted = size?.contents;
  return [
    theta && known(theta.elementType, wanted && [wanted[0] ?? null, ...wanted.slice(2), wanted.length - 2]),
  ];
};

const reductions = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'];
const normalizations = [
  ...['Softmax', 'LogSoftmax', 'Hardmax', 'InstanceNormalization', 'GroupNormalization', 'LRN'],
  ...[
    'LpNormalization',
    'MeanVarianceNormalization',
    'RMSNormalization',
    'SimplifiedLayerNormalization',
    'CumSum',
  ],
];

export const reductionRules: Rules = {
  ...Object.fromEntries(reductions.map((name) => [`Reduce${name}`, reduce])),
  ...Object.fromEntries(normalizations.map((name) => [name, like()])),
  ArgMax: argument,
  ArgMin: argument,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  Resize: resize,
  Upsample: resize,
  GridSample: gridSample,
  AffineGrid: affineGrid,
};

export const microsoftSamplingRules: Rules = { GridSample: gridSample };
