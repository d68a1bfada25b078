import { type Dimension, elementTypes } from '../../model/index.ts';
import { add, floorDivide, multiply } from '../dimensions.ts';
import { countOf, type Known, known, maxContents } from '../known.ts';

/** What an operator makes of one element of each operand; null where it cannot be told. */
export type Compute = (elements: readonly Dimension[], elementType: number) => Dimension;

const truth = (value: boolean) => Number(value);

function onNumbers(compute: (...numbers: number[]) => number): Compute {
  return (elements) =>
    elements.every((element) => typeof element === 'number') ? compute(...elements) : null;
}

/** Equal symbols are equal; different ones may be too. */
function isEqual([a = null, b = null]: readonly Dimension[]): Dimension {
  if (a === null || b === null) return null;
  if (typeof a === 'number' && typeof b === 'number') return truth(a === b);
  return a === b ? 1 : null;
}

const integerTypes: ReadonlySet<number> = new Set([
  elementTypes.INT8,
  elementTypes.INT16,
  elementTypes.INT32,
  elementTypes.INT64,
  elementTypes.UINT8,
  elementTypes.UINT16,
  elementTypes.UINT32,
  elementTypes.UINT64,
]);

function isInteger(elementType: number): boolean {
  return integerTypes.has(elementType);
}

/** Integers are divided towards zero. */
const divide: Compute = ([a = null, b = null], elementType) => {
  if (typeof b !== 'number' || b === 0 || a === null) return null;
  if (typeof a === 'number') return isInteger(elementType) ? Math.trunc(a / b) : a / b;
  // A symbol is a size, so not negative; a difference may be.
  return isInteger(elementType) && b > 0 && !a.includes('-') ? floorDivide(a, b) : null;
};

const halfToEven = (value: number) => {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
};

/** The operators that shape arithmetic is made of. */
export const computations: ReadonlyMap<string, Compute> = new Map<string, Compute>([
  ['Add', ([a = null, b = null]) => add(a, b)],
  ['Sub', ([a = null, b = null]) => add(a, b, -1)],
  ['Mul', ([a = null, b = null]) => multiply(a, b)],
  ['Div', divide],
  ['Mod', onNumbers((a, b) => a - b * Math.floor(a / b))],
  ['Neg', onNumbers((a) => -a)],
  ['Abs', onNumbers(Math.abs)],
  ['Sqrt', onNumbers(Math.sqrt)],
  ['Floor', onNumbers(Math.floor)],
  ['Ceil', onNumbers(Math.ceil)],
  ['Round', onNumbers(halfToEven)],
  ['Min', onNumbers(Math.min)],
  ['Max', onNumbers(Math.max)],
  ['Equal', isEqual],
  ['Less', onNumbers((a, b) => truth(a < b))],
  ['LessOrEqual', onNumbers((a, b) => truth(a <= b))],
  ['Greater', onNumbers((a, b) => truth(a > b))],
  ['GreaterOrEqual', onNumbers((a, b) => truth(a >= b))],
  ['And', onNumbers((a, b) => truth(a !== 0 && b !== 0))],
  ['Or', onNumbers((a, b) => truth(a !== 0 || b !== 0))],
  ['Xor', onNumbers((a, b) => truth((a !== 0) !== (b !== 0)))],
  ['Not', onNumbers((a) => truth(a === 0))],
  [
    'Where',
    ([condition = null, a = null, b = null]) =>
      a === b ? a : condition === null ? null : condition === 0 ? b : a,
  ],
]);

/** An element as its type can hold it; null where that type is not followed. */
function storedAs(element: Dimension, elementType: number): Dimension {
  if (elementType === elementTypes.BOOL) return typeof element === 'number' ? truth(element !== 0) : null;
  if (isInteger(elementType)) {
    if (typeof element !== 'number') return element;
    const [min, max] = integerBounds(elementType);
    return Number.isInteger(element) && element >= min && element <= max ? element : null;
  }
  if (typeof element !== 'number') return null;
  if (elementType === elementTypes.FLOAT) return Math.fround(element);
  return elementType === elementTypes.DOUBLE ? element : null;
}

function integerBounds(elementType: number): [number, number] {
  switch (elementType) {
    case elementTypes.INT8:
      return [-128, 127];
    case elementTypes.INT16:
      return [-32_768, 32_767];
    case elementTypes.INT32:
      return [-2_147_483_648, 2_147_483_647];
    case elementTypes.UINT8:
      return [0, 255];
    case elementTypes.UINT16:
      return [0, 65_535];
    case elementTypes.UINT32:
      return [0, 4_294_967_295];
    default:
      return [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  }
}

/** The elements of an element-wise result of `shape`, or undefined where those of an operand are not known. */
export function computeContents(
  compute: Compute,
  operands: readonly (Known | undefined)[],
  shape: readonly Dimension[] | undefined,
  elementType: number,
): readonly Dimension[] | undefined {
  const count = countOf(shape);
  if (shape === undefined || count === undefined || count > maxContents) return undefined;
  const spread = operands.map((operand) => operand && spreadContents(operand, shape));
  if (!spread.every((contents) => contents !== undefined)) return undefined;
  const operandType = operands[operands.length - 1]?.elementType ?? elementType;
  return Array.from({ length: count }, (_, index) =>
    storedAs(
      compute(
        spread.map((contents) => contents[index] ?? null),
        operandType,
      ),
      elementType,
    ),
  );
}

/** The elements of an operand repeated to `shape`. */
export function spreadContents(
  operand: Known,
  shape: readonly Dimension[],
): readonly Dimension[] | undefined {
  const { shape: own, contents } = operand;
  if (own === undefined || contents === undefined) return undefined;
  const steps = new Array<number>(shape.length - own.length).fill(0);
  for (const [axis, stride] of stridesOf(own).entries()) steps.push(own[axis] === 1 ? 0 : stride);
  return walkContents(contents, 0, shape, steps);
}

/** How far apart the elements of neighbours on each axis lie, row-major. */
export function stridesOf(shape: readonly Dimension[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(stride);
    stride *= Number(size);
  }
  return strides;
}

/** The elements met from `offset` on, `steps` apart on the axes of `shape`: what transposes, slices and repeats. */
export function walkContents(
  contents: readonly Dimension[],
  offset: number,
  shape: readonly Dimension[],
  steps: readonly number[],
): readonly Dimension[] | undefined {
  const count = countOf(shape);
  if (count === undefined || count > maxContents) return undefined;
  return Array.from({ length: count }, (_, index) => {
    let rest = index;
    let at = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = Number(shape[axis]);
      at += (rest % size) * (steps[axis] ?? 0);
      rest = Math.floor(rest / size);
    }
    return contents[at] ?? null;
  });
}

/** A value of another element type. */
export function castTo(value: Known, elementType: number): Known {
  const contents = value.contents?.map((element) =>
    storedAs(
      typeof element === 'number' && isInteger(elementType) ? Math.trunc(element) : element,
      elementType,
    ),
  );
  return known(elementType, value.shape, contents);
}
