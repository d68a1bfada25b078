import { type Dimension, intAttribute, intsAttribute } from '../../model/index.ts';
import {
  axisAttribute,
  axisOf,
  type Call,
  fail,
  formatShape,
  isGiven,
  like,
  numbersIn,
  type Rule,
  type Rules,
  shapeInput,
} from '../call.ts';
import { add, exactQuotient, sum } from '../dimensions.ts';
import { type Known, known } from '../known.ts';
import { stridesOf, walkContents } from './contents.ts';

/** Sizes of the split axis in each output; empty where they are not known. */
function splitSizes(call: Call, dimension: Dimension, count: number): readonly Dimension[] {
  const stated = intsAttribute(call.node, 'split');
  if (stated) return stated;
  if (isGiven(call, 1)) return shapeInput(call, 1) ?? [];
  if (typeof dimension !== 'number')
    return new Array<Dimension>(count).fill(exactQuotient([dimension], [count]));
  const each = Math.ceil(dimension / count);
  return Array.from({ length: count }, (_, index) => Math.min(each, Math.max(0, dimension - each * index)));
}

const split: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  const { outputs } = call.node;
  if (input === undefined || dims === undefined)
    return outputs.map(() => input && known(input.elementType, undefined));
  const axis = axisAttribute(call, 'axis', 0, dims.length);
  const sizes = splitSizes(call, dims[axis] ?? null, outputs.length);
  const total = sizes.length > 0 ? sum(sizes) : null;
  if (typeof total === 'number' && typeof dims[axis] === 'number' && total !== dims[axis])
    fail(call, `parts of ${sizes.join(', ')} do not make up the ${dims[axis]} of axis ${axis}`);
  return outputs.map((_, index) => {
    const part = sizes[index] ?? null;
    const start = sum(sizes.slice(0, index));
    const isPart = dims.length === 1 && typeof part === 'number' && typeof start === 'number';
    const contents = isPart ? input.contents?.slice(start, start + part) : undefined;
    return known(input.elementType, dims.with(axis, part), contents);
  });
};

/** The inputs one after the other on `axis`; those after each other in a list keep their elements. */
export function joined(call: Call, inputs: readonly (Known | undefined)[]): Known | undefined {
  const elementType = inputs.find((input) => input !== undefined)?.elementType;
  if (elementType === undefined) return undefined;
  const shapes = inputs.map((input) => input?.shape);
  const rank = shapes.find((dims) => dims !== undefined)?.length;
  if (rank === undefined) return known(elementType, undefined);
  const axis = axisAttribute(call, 'axis', 1, rank);
  for (const dims of shapes)
    if (dims && dims.length !== rank)
      fail(call, `a tensor ${formatShape(dims)} cannot be joined to one of rank ${rank}`);
  const shape = Array.from({ length: rank }, (_, at) => {
    const sizes = shapes.map((dims) => dims?.[at] ?? null);
    return at === axis ? sum(sizes) : sharedSize(call, sizes, at);
  });
  const isList = rank === 1 && inputs.every((input) => input?.contents !== undefined);
  return known(elementType, shape, isList ? inputs.flatMap((input) => input?.contents ?? []) : undefined);
}

/** The size that tensors joined on another axis must all have here. */
function sharedSize(call: Call, sizes: readonly Dimension[], axis: number): Dimension {
  const stated = sizes.filter((size) => typeof size === 'number');
  const [first] = stated;
  const other = stated.find((size) => size !== first);
  if (other !== undefined)
    fail(call, `tensors of ${first} and ${other} on axis ${axis} cannot be joined on another`);
  return first ?? sizes.find((size) => size !== null) ?? null;
}

/** From the element at `start` towards the one before `end`, as numpy slices. */
interface Range {
  start: number;
  end: number;
  step: number;
}

function sliceRange({ start, end, step }: Range, size: number): { first: number; count: number } {
  const clamp = (value: number, low: number, high: number) =>
    Math.min(high, Math.max(low, value < 0 ? value + size : value));
  const first = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
  const last = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

/** Of a symbolic size only a slice of all of it is known. */
function slicedSize(range: Range, size: Dimension): Dimension {
  if (typeof size === 'number') return sliceRange(range, size).count;
  const reaches = (value: number) => Math.abs(value) >= 2 ** 31 - 1;
  return range.start === 0 && range.step === 1 && range.end > 0 && reaches(range.end) ? size : null;
}

/** The numbers of an input, or of the attribute in its place before opset 10. */
function sliceNumbers(call: Call, name: string, index: number): number[] | undefined {
  return call.version < 10 ? intsAttribute(call.node, name) : numbersIn(call, index);
}

const slice: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  if (input === undefined || dims === undefined) return [input && known(input.elementType, undefined)];
  const ends = sliceNumbers(call, 'ends', 2);
  const starts = sliceNumbers(call, 'starts', 1);
  const hasAxes = call.version < 10 ? call.node.attributes.has('axes') : isGiven(call, 3);
  const axes = hasAxes
    ? sliceNumbers(call, 'axes', 3)
    : dims.map((_, axis) => axis).slice(0, countOfSlices(call));
  if (axes === undefined)
    return [
      known(
        input.elementType,
        dims.map(() => null),
      ),
    ];
  const steps = isGiven(call, 4) ? numbersIn(call, 4) : axes.map(() => 1);
  const ranges = new Map<number, Range | undefined>();
  for (const [index, given] of axes.entries()) {
    const [start, end, step] = [starts?.[index], ends?.[index], steps?.[index]];
    if (step === 0) fail(call, 'a step of a slice is 0');
    const isKnown = start !== undefined && end !== undefined && step !== undefined;
    ranges.set(axisOf(call, given, dims.length), isKnown ? { start, end, step } : undefined);
  }
  const sliced = dims.map((size, axis) => {
    const range = ranges.get(axis);
    return range ? slicedSize(range, size) : ranges.has(axis) ? null : size;
  });
  return [known(input.elementType, sliced, slicedContents(input, sliced, ranges))];
};

/** Without axes the first ones are sliced, as many as there are starts. */
function countOfSlices(call: Call): number | undefined {
  if (call.version < 10) return intsAttribute(call.node, 'starts')?.length;
  const count = call.inputs[1]?.shape?.[0];
  return typeof count === 'number' ? count : undefined;
}

function slicedContents(
  { shape = [], contents }: Known,
  sliced: readonly Dimension[],
  ranges: ReadonlyMap<number, Range | undefined>,
): readonly Dimension[] | undefined {
  if (contents === undefined) return undefined;
  const steps = stridesOf(shape);
  let offset = 0;
  for (const [axis, range] of ranges) {
    if (range === undefined) return undefined;
    const stride = steps[axis] ?? 0;
    offset += sliceRange(range, Number(shape[axis])).first * stride;
    steps[axis] = stride * range.step;
  }
  return walkContents(contents, offset, sliced, steps);
}

const gather: Rule = (call) => {
  const [data, indices] = call.inputs;
  if (data?.shape === undefined || indices?.shape === undefined)
    return [data && known(data.elementType, undefined)];
  const { shape } = data;
  const axis = axisAttribute(call, 'axis', 0, shape.length);
  const at = (index: number): Dimension => {
    if (index < -(data.contents?.length ?? 0) || index >= (data.contents?.length ?? 0))
      return fail(call, `index ${index} is outside ${formatShape(shape)}`);
    return data.contents?.at(index) ?? null;
  };
  const contents =
    shape.length === 1 && data.contents
      ? indices.contents?.map((index) => (typeof index === 'number' ? at(index) : null))
      : undefined;
  return [
    known(data.elementType, [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)], contents),
  ];
};

/** The shape of the indices, the type of the data. */
const gatherElements: Rule = ({ inputs: [data, indices] }) => [
  data && known(data.elementType, indices?.shape),
];

const gatherPoints: Rule = ({ node, inputs: [data, indices] }) => {
  const batches = intAttribute(node, 'batch_dims') ?? 0;
  const depth = indices?.shape?.at(-1);
  if (!data?.shape || !indices?.shape || typeof depth !== 'number')
    return [data && known(data.elementType, undefined)];
  return [known(data.elementType, [...indices.shape.slice(0, -1), ...data.shape.slice(batches + depth)])];
};

const pad: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  if (input === undefined || dims === undefined) return [input && known(input.elementType, undefined)];
  const inAttribute = call.version < 11;
  const pads = inAttribute
    ? intsAttribute(call.node, call.version < 2 ? 'paddings' : 'pads')
    : numbersIn(call, 1);
  const axes = isGiven(call, 3) ? numbersIn(call, 3) : dims.map((_, axis) => axis);
  if (pads === undefined || axes === undefined)
    return [
      known(
        input.elementType,
        dims.map(() => null),
      ),
    ];
  if (pads.length !== 2 * axes.length) fail(call, `${pads.length} pads do not fit ${axes.length} axes`);
  const padded = [...dims];
  for (const [index, given] of axes.entries()) {
    const axis = axisOf(call, given, dims.length);
    padded[axis] = add(dims[axis] ?? null, (pads[index] ?? 0) + (pads[index + axes.length] ?? 0));
  }
  const isUnchanged = pads.every((amount) => amount === 0);
  return [known(input.elementType, padded, isUnchanged ? input.contents : undefined)];
};

/** The wanted sizes on `axes`, cropped or padded to. */
const centerCropPad: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  if (input === undefined || dims === undefined) return [input && known(input.elementType, undefined)];
  const sizes = shapeInput(call, 1);
  const axes = intsAttribute(call.node, 'axes') ?? dims.map((_, axis) => axis);
  const result = [...dims];
  for (const [index, axis] of axes.entries())
    result[axisOf(call, axis, dims.length)] = sizes?.[index] ?? null;
  return [known(input.elementType, result)];
};

export const pieceRules: Rules = {
  Split: split,
  Concat: (call) => [joined(call, call.inputs)],
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherPoints,
  Scatter: like(),
  ScatterElements: like(),
  ScatterND: like(),
  TensorScatter: like(),
  ReverseSequence: like(),
  Trilu: like(),
  Pad: pad,
  CenterCropPad: centerCropPad,
};
