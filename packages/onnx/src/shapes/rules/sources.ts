import {
  type Dimension,
  elementTypes,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  tensorAttribute,
} from '../../model/index.ts';
import {
  axisAttribute,
  elementTypeAttribute,
  integers,
  isGiven,
  numbersIn,
  type Rule,
  type Rules,
  shapeInput,
} from '../call.ts';
import { add } from '../dimensions.ts';
import { countOf, type Known, known, knownConstant, maxContents } from '../known.ts';

function filled(elementType: number, dims: readonly Dimension[] | undefined, element: Dimension): Known {
  const type = known(elementType, dims);
  const count = countOf(type.shape);
  if (count === undefined || count > maxContents) return type;
  return known(elementType, type.shape, new Array<Dimension>(count).fill(element));
}

const constant: Rule = ({ node }) => {
  const tensor = tensorAttribute(node, 'value');
  if (tensor) return [knownConstant(tensor)];
  const int = intAttribute(node, 'value_int');
  if (int !== undefined) return [integers([int], true)];
  const ints = intsAttribute(node, 'value_ints');
  if (ints) return [integers(ints)];
  const float = floatAttribute(node, 'value_float');
  if (float !== undefined) return [known(elementTypes.FLOAT, [], [float])];
  const floats = floatsAttribute(node, 'value_floats');
  if (floats) return [known(elementTypes.FLOAT, [floats.length], floats)];
  if (node.attributes.has('value_string')) return [known(elementTypes.STRING, [])];
  const strings = node.attributes.get('value_strings');
  if (strings?.type === 'strings') return [known(elementTypes.STRING, [strings.value.length])];
  const sparse = node.attributes.get('sparse_value');
  return [
    sparse?.type === 'sparseTensor' ? known(sparse.value.values.elementType, sparse.value.dims) : undefined,
  ];
};

const constantOfShape: Rule = (call) => {
  const value = tensorAttribute(call.node, 'value');
  const element = value ? knownConstant(value) : known(elementTypes.FLOAT, [1], [0]);
  return [filled(element.elementType, shapeInput(call, 0), element.contents?.[0] ?? null)];
};

const range: Rule = (call) => {
  const [first] = call.inputs;
  if (first === undefined) return [];
  const [start, limit, step] = [0, 1, 2].map((index) => call.inputs[index]?.contents?.[0] ?? null);
  if (typeof start !== 'number' || typeof limit !== 'number' || typeof step !== 'number' || step === 0) {
    const count = step === 1 ? add(limit ?? null, start ?? null, -1) : null;
    // A sum with a negative part may be below zero, where the range is empty.
    return [known(first.elementType, [typeof count === 'string' && count.includes('-') ? null : count])];
  }
  const count = Math.max(0, Math.ceil((limit - start) / step));
  const isSmall = count <= maxContents && first.elementType === elementTypes.INT64;
  return [
    known(
      first.elementType,
      [count],
      isSmall ? Array.from({ length: count }, (_, index) => start + index * step) : undefined,
    ),
  ];
};

/** Random numbers: shape and type from attributes, or from an input. */
const random: Rule = ({ node }) => [
  known(intAttribute(node, 'dtype') || elementTypes.FLOAT, intsAttribute(node, 'shape')),
];

const randomLike: Rule = ({ node, inputs: [input] }) => {
  const elementType = intAttribute(node, 'dtype') || input?.elementType;
  return [elementType === undefined ? undefined : known(elementType, input?.shape)];
};

const multinomial: Rule = (call) => [
  known(elementTypeAttribute(call, 'dtype', elementTypes.INT32), [
    call.inputs[0]?.shape?.[0] ?? null,
    intAttribute(call.node, 'sample_size') ?? 1,
  ]),
];

const oneHot: Rule = (call) => {
  const [indices, depth, values] = call.inputs;
  const dims = indices?.shape;
  if (!dims || !values) return [values && known(values.elementType, undefined)];
  const axis = axisAttribute(call, 'axis', -1, dims.length + 1);
  return [known(values.elementType, dims.toSpliced(axis, 0, depth?.contents?.[0] ?? null))];
};

const nonZero: Rule = ({ inputs: [input] }) => [
  known(elementTypes.INT64, [input?.shape?.length ?? null, null]),
];

const compress: Rule = (call) => {
  const [input] = call.inputs;
  if (!call.node.attributes.has('axis')) return [input && known(input.elementType, [null])];
  const dims = input?.shape;
  return [input && known(input.elementType, dims?.with(axisAttribute(call, 'axis', 0, dims.length), null))];
};

const unique: Rule = (call) => {
  const [input] = call.inputs;
  const list = known(elementTypes.INT64, [null]);
  const dims = call.node.attributes.has('axis')
    ? input?.shape?.with(axisAttribute(call, 'axis', 0, input.shape.length), null)
    : [null];
  return [input && known(input.elementType, dims), list, list, list];
};

/** The largest k on an axis: values and indices. */
const topK: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  const count =
    call.version < 10 ? (intAttribute(call.node, 'k') ?? null) : (call.inputs[1]?.contents?.[0] ?? null);
  const shape = dims?.with(axisAttribute(call, 'axis', -1, dims.length), count);
  return [input && known(input.elementType, shape), known(elementTypes.INT64, shape)];
};

/** Window functions over `size` samples. */
const windowFunction: Rule = (call) => [
  known(elementTypeAttribute(call, 'output_datatype', elementTypes.FLOAT), [
    call.inputs[0]?.contents?.[0] ?? null,
  ]),
];

const melWeights: Rule = (call) => {
  const [bins, length] = [numbersIn(call, 0)?.[0], numbersIn(call, 1)?.[0]];
  return [
    known(elementTypeAttribute(call, 'output_datatype', elementTypes.FLOAT), [
      length === undefined ? null : Math.floor(length / 2) + 1,
      bins ?? null,
    ]),
  ];
};

/** Frames of a signal [N, length, 1 or 2] as spectra [N, frames, bins, 2]. */
const shortTimeFourier: Rule = (call) => {
  const [signal, , window] = call.inputs;
  const step = numbersIn(call, 1)?.[0];
  const length = isGiven(call, 3) ? numbersIn(call, 3)?.[0] : window?.shape?.[0];
  const samples = signal?.shape?.[1];
  const isOneSided = (intAttribute(call.node, 'onesided') ?? 1) === 1;
  const frames =
    typeof samples === 'number' && typeof length === 'number' && step
      ? Math.floor((samples - length) / step) + 1
      : null;
  const bins = typeof length === 'number' ? (isOneSided ? Math.floor(length / 2) + 1 : length) : null;
  return [signal && known(signal.elementType, [signal.shape?.[0] ?? null, frames, bins, 2])];
};

const fourier: Rule = (call) => {
  const [signal] = call.inputs;
  const dims = signal?.shape;
  if (!signal || !dims) return [signal];
  const given =
    call.version < 20
      ? (intAttribute(call.node, 'axis') ?? 1)
      : isGiven(call, 2)
        ? numbersIn(call, 2)?.[0]
        : -2;
  if (given === undefined) return [known(signal.elementType, undefined)];
  const axis = given < 0 ? given + dims.length : given;
  const length = isGiven(call, 1) ? (numbersIn(call, 1)?.[0] ?? null) : (dims[axis] ?? null);
  const isOneSided = intAttribute(call.node, 'onesided') === 1;
  const isInverse = intAttribute(call.node, 'inverse') === 1;
  if (isOneSided && isInverse) return [known(signal.elementType, undefined)];
  const bins = !isOneSided ? length : typeof length === 'number' ? Math.floor(length / 2) + 1 : null;
  return [known(signal.elementType, dims.with(axis, bins).with(-1, 2))];
};

export const sourceRules: Rules = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  RandomNormal: random,
  RandomUniform: random,
  RandomNormalLike: randomLike,
  RandomUniformLike: randomLike,
  Multinomial: multinomial,
  OneHot: oneHot,
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  TopK: topK,
  NonMaxSuppression: () => [known(elementTypes.INT64, [null, 3])],
  HannWindow: windowFunction,
  HammingWindow: windowFunction,
  BlackmanWindow: windowFunction,
  MelWeightMatrix: melWeights,
  STFT: shortTimeFourier,
  DFT: fourier,
};
