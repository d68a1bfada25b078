import { intAttribute, intsAttribute } from '../../model/index.ts';
import type { BatchRule } from './rules.ts';
import { axisAttribute, Fixed, type Step } from './step.ts';

/** The axis of the samples of the first input, where no other input has any. */
function onlyFirst({ node, axis }: Step): number {
  const samples = axis(0);
  if (samples === undefined || node.inputs.some((_, index) => index > 0 && axis(index) !== undefined))
    throw new Fixed('its parameters hold the batch');
  return samples;
}

const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);

/**
 * The samples stay together where what lies before their axis is kept. A target that states the batch as a number gets -1
 * in its place and the sizes as they are now in all others.
 */
const reshape: BatchRule = (step) => {
  const { shape, outputShape, numbers, symbols, batchSize, node, rewrite } = step;
  const samples = onlyFirst(step);
  const target = node.attributes.has('shape') ? intsAttribute(node, 'shape') : numbers(1);
  const sizes = shape(0);
  if (target === undefined) {
    const place = symbols(1)?.indexOf('batch') ?? -1;
    const rest = symbols(1)?.filter((_, index) => index !== place) ?? [null];
    const isKept = samples === 0 && place === 0 && rest.every((size) => typeof size === 'number' && size > 0);
    if (!isKept) throw new Fixed('its target shape is computed in a way that is not understood');
    return 0;
  }
  const after = outputShape();
  const before = product(sizes.slice(0, samples));
  const perSample = product(sizes.slice(samples)) / batchSize;
  const fits = (place: number) => {
    const rest = product(after.slice(place + 1));
    return product(after.slice(0, place)) === before && rest > 0 && perSample % rest === 0 && perSample > 0;
  };
  const place = fits(samples) ? samples : after.findIndex((_, index) => fits(index));
  if (place < 0) throw new Fixed(`its target [${target}] does not keep samples together`);
  const isOpen =
    target[place] === -1 ||
    (target[place] === 0 && place === samples && intAttribute(node, 'allowzero') !== 1);
  if (isOpen) return place;
  if (node.attributes.has('shape'))
    throw new Fixed('its target is an attribute: bring the model to a newer opset first');
  rewrite(
    1,
    after.map((size, index) => (index === place ? -1 : size)),
  );
  return place;
};

const flatten: BatchRule = (step) => {
  const samples = onlyFirst(step);
  const sizes = step.shape(0);
  const axis = axisAttribute(step.node, 1, sizes.length);
  const isFirst = axis > samples;
  if (product(sizes.slice(isFirst ? 0 : axis, samples)) === 1) return isFirst ? 0 : 1;
  throw new Fixed('it puts samples and other axes into one');
};

const transpose: BatchRule = (step) => {
  const samples = onlyFirst(step);
  const rank = step.shape(0).length;
  return intsAttribute(step.node, 'perm')?.indexOf(samples) ?? rank - 1 - samples;
};

const squeeze: BatchRule = (step) => {
  const samples = onlyFirst(step);
  const axes = step.axes(1, step.shape(0).length);
  if (!axes || axes.includes(samples)) throw new Fixed('it takes away the axis of the samples');
  return samples - axes.filter((axis) => axis < samples).length;
};

const unsqueeze: BatchRule = (step) => {
  const samples = onlyFirst(step);
  const rank = step.outputShape().length;
  const added = new Set(step.axes(1, rank));
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !added.has(axis));
  return kept[samples] ?? samples;
};

const concat: BatchRule = ({ node, axis, shape }) => {
  const axes = new Set(node.inputs.map((_, index) => axis(index)));
  const [samples] = axes;
  if (samples === undefined || axes.size > 1)
    throw new Fixed('not all of its inputs hold the samples along one axis');
  if (axisAttribute(node, 1, shape(0).length) === samples)
    throw new Fixed('it works along the axis of the samples');
  return samples;
};

const slice: BatchRule = (step) => {
  const { node, numbers } = step;
  const samples = onlyFirst(step);
  const rank = step.shape(0).length;
  const starts = intsAttribute(node, 'starts') ?? numbers(1);
  if (starts === undefined) throw new Fixed('where it begins is not known');
  const axes = step.axes(3, rank) ?? starts.map((_, axis) => axis);
  if (axes.includes(samples)) throw new Fixed('it takes some of the samples');
  return samples;
};

const split: BatchRule = (step) => {
  const samples = onlyFirst(step);
  if (axisAttribute(step.node, 0, step.shape(0).length) === samples)
    throw new Fixed('it takes samples apart');
  return samples;
};

/** Along an axis of the data that is not the samples', or rows of a constant that the samples name. */
const gather: BatchRule = ({ node, axis, shape }) => {
  const rank = shape(0).length;
  const at = axisAttribute(node, 0, rank);
  const [data, indices] = [axis(0), axis(1)];
  if (data === undefined && indices !== undefined) return at + indices;
  if (data === undefined || indices !== undefined || data === at)
    throw new Fixed('it takes some of the samples');
  return at < data ? data + shape(1).length - 1 : data;
};

const pad: BatchRule = (step) => {
  const samples = onlyFirst(step);
  const pads = intsAttribute(step.node, 'pads') ?? step.numbers(1);
  const rank = step.shape(0).length;
  const isPlain = pads?.length === 2 * rank && pads[samples] === 0 && pads[samples + rank] === 0;
  if (!isPlain) throw new Fixed('it may pad the axis of the samples');
  return samples;
};

const tile: BatchRule = (step) => {
  const samples = onlyFirst(step);
  if (step.numbers(1)?.[samples] !== 1) throw new Fixed('it may repeat samples');
  return samples;
};

const expand: BatchRule = (step) => {
  const samples = onlyFirst(step);
  const target = step.numbers(1);
  const rank = step.outputShape().length;
  const place = samples + rank - step.shape(0).length;
  if (target === undefined) throw new Fixed('its target shape is not known');
  if ((target[place - rank + target.length] ?? 1) !== 1)
    throw new Fixed('its target shape includes the batch');
  return place;
};

/** Operators that move elements and change none. */
export const arrangementRules: Record<string, BatchRule> = {
  Concat: concat,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  Pad: pad,
  Reshape: reshape,
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
