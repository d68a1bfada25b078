import { type Dimension, elementTypes, intAttribute, intsAttribute } from '../../model/index.ts';
import {
  axesOf,
  axisOf,
  broadcast,
  fail,
  formatShape,
  integers,
  type Rule,
  type Rules,
  shapeInput,
} from '../call.ts';
import { exactQuotient, multiply, product } from '../dimensions.ts';
import { countOf, known } from '../known.ts';
import { spreadContents, stridesOf, walkContents } from './contents.ts';

const shape: Rule = (call) => {
  const dims = call.inputs[0]?.shape;
  if (dims === undefined) return [known(elementTypes.INT64, [null])];
  const { length } = dims;
  const within = (index: number) => Math.min(length, Math.max(0, index < 0 ? index + length : index));
  const start = within(intAttribute(call.node, 'start') ?? 0);
  const end = within(intAttribute(call.node, 'end') ?? length);
  return [integers(dims.slice(start, end))];
};

const size: Rule = ({ inputs: [input] }) => {
  const count = input?.shape && product(input.shape);
  return [integers([count ?? null], true)];
};

/** Errors: MODEL_INVALID where the elements cannot take the new shape. */
const reshape: Rule = (call) => {
  const [input] = call.inputs;
  if (input === undefined) return [];
  const wanted = call.version < 5 ? intsAttribute(call.node, 'shape') : shapeInput(call, 1);
  if (wanted === undefined) return [known(input.elementType, undefined)];
  const keepsZeros = intAttribute(call.node, 'allowzero') === 1;
  const copied = wanted.map((dimension, axis) =>
    dimension !== 0 || keepsZeros ? dimension : (input.shape?.[axis] ?? null),
  );
  const open = copied.indexOf(-1);
  if (open !== copied.lastIndexOf(-1))
    fail(call, `the shape ${formatShape(wanted)} leaves two dimensions open`);
  const rest = copied.filter((_, axis) => axis !== open);
  const dims = copied.map((dimension, axis) =>
    axis === open ? (input.shape ? exactQuotient(input.shape, rest) : null) : dimension,
  );
  const [before, after] = [countOf(input.shape), countOf(rest)];
  const fits =
    open < 0 ? before === after : after === 0 ? before === 0 : Number(before) % Number(after) === 0;
  if (before !== undefined && after !== undefined && !fits)
    fail(call, `${formatShape(input.shape)} cannot take the shape ${formatShape(wanted)}`);
  return [known(input.elementType, dims, input.contents)];
};

const flatten: Rule = (call) => {
  const [input] = call.inputs;
  if (input?.shape === undefined) return [input && known(input.elementType, [null, null])];
  const { length } = input.shape;
  const given = intAttribute(call.node, 'axis') ?? 1;
  const axis = given === length ? length : axisOf(call, given, Math.max(length, 1));
  const dims = [product(input.shape.slice(0, axis)), product(input.shape.slice(axis))];
  return [known(input.elementType, dims, input.contents)];
};

const squeeze: Rule = (call) => {
  const [input] = call.inputs;
  const axes = axesOf(call, 'axes', 1);
  if (input?.shape === undefined || axes === 'unknown') return [input && known(input.elementType, undefined)];
  const { shape: dims } = input;
  if (axes === 'absent') {
    // Without axes all of size 1 go: which those are must be known.
    const isKnown = dims.every((dimension) => typeof dimension === 'number');
    const left = isKnown ? dims.filter((dimension) => dimension !== 1) : undefined;
    return [known(input.elementType, left, input.contents)];
  }
  const dropped = new Set(axes.map((axis) => axisOf(call, axis, dims.length)));
  for (const axis of dropped)
    if (typeof dims[axis] === 'number' && dims[axis] !== 1)
      fail(call, `dimension ${axis} of ${formatShape(dims)} is not 1 and cannot be dropped`);
  return [
    known(
      input.elementType,
      dims.filter((_, axis) => !dropped.has(axis)),
      input.contents,
    ),
  ];
};

const unsqueeze: Rule = (call) => {
  const [input] = call.inputs;
  const axes = axesOf(call, 'axes', 1);
  if (input?.shape === undefined || typeof axes === 'string')
    return [input && known(input.elementType, undefined)];
  const rank = input.shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(call, axis, rank)));
  if (added.size < axes.length) fail(call, `the axes ${axes} name one twice`);
  const rest = input.shape.values();
  const dims = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.next().value ?? null)));
  return [known(input.elementType, dims, input.contents)];
};

const transpose: Rule = (call) => {
  const [input] = call.inputs;
  const dims = input?.shape;
  if (input === undefined || dims === undefined) return [input];
  const order = intsAttribute(call.node, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (
    order.length !== dims.length ||
    new Set(order).size < order.length ||
    order.some((axis) => !(axis in dims))
  )
    fail(call, `[${order}] is no order of the dimensions of ${formatShape(dims)}`);
  const transposed = order.map((axis) => dims[axis] ?? null);
  const strides = stridesOf(dims);
  const steps = order.map((axis) => strides[axis] ?? 0);
  const contents = input.contents && walkContents(input.contents, 0, transposed, steps);
  return [known(input.elementType, transposed, contents)];
};

const expand: Rule = (call) => {
  const [input] = call.inputs;
  const wanted = shapeInput(call, 1);
  if (input === undefined) return [];
  const dims = wanted && broadcast(call, [input.shape, wanted]);
  const contents = dims && spreadContents(input, dims);
  return [known(input.elementType, dims, contents)];
};

const tile: Rule = (call) => {
  const [input] = call.inputs;
  const repeats = shapeInput(call, 1);
  return [
    input &&
      known(
        input.elementType,
        input.shape?.map((dimension, axis) => multiply(dimension, repeats?.[axis] ?? null)),
      ),
  ];
};

/** [N, C, H, W] with blocks of the plane moved into channels, or back. */
function blocks(
  channels: (size: Dimension, area: number) => Dimension,
  plane: (size: Dimension, block: number) => Dimension,
): Rule {
  return (call) => {
    const [input] = call.inputs;
    const block = intAttribute(call.node, 'blocksize') ?? 0;
    if (block < 1) fail(call, `"blocksize" is ${block}`);
    const dims = input?.shape;
    if (dims && dims.length !== 4) fail(call, `takes [N, C, H, W], not ${formatShape(dims)}`);
    const [batch = null, depth = null, height = null, width = null] = dims ?? [];
    return [
      input &&
        known(input.elementType, [
          batch,
          channels(depth, block * block),
          plane(height, block),
          plane(width, block),
        ]),
    ];
  };
}

const divided = (size: Dimension, by: number) => exactQuotient([size], [by]);

const eyeLike: Rule = (call) => {
  const [input] = call.inputs;
  const elementType = intAttribute(call.node, 'dtype') || input?.elementType;
  return [elementType === undefined ? undefined : known(elementType, input?.shape)];
};

export const arrangementRules: Rules = {
  Shape: shape,
  Size: size,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  DepthToSpace: blocks((depth, area) => divided(depth, area), multiply),
  SpaceToDepth: blocks(multiply, divided),
  EyeLike: eyeLike,
};
