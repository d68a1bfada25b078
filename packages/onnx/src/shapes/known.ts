import { type Constant, type Dimension, elementTypes, numbersOf } from '../model/index.ts';

/** The type of a tensor; `shape` is undefined where not even the rank is known. */
export interface TensorType {
  /** A number of `elementTypes`. */
  elementType: number;
  shape: Dimension[] | undefined;
}

/** What inference knows of a value: its type, and its elements where they are few and can be told (row-major). */
export interface Known extends TensorType {
  contents?: readonly Dimension[];
}

/** Tensors that hold shapes are smaller than this; the elements of others are not followed. */
export const maxContents = 256;

/** Rules work on ranks up to this; beyond it a shape is not followed. */
export const maxRank = 64;

/** A value of the type; `contents` are kept where they are as many as the shape says and few. */
export function known(
  elementType: number,
  shape: readonly Dimension[] | undefined,
  contents?: readonly Dimension[],
): Known {
  if (shape === undefined || shape.length > maxRank) return { elementType, shape: undefined };
  const sizes = shape.map((dimension) =>
    typeof dimension === 'number' && !(Number.isSafeInteger(dimension) && dimension >= 0) ? null : dimension,
  );
  const isKept =
    contents !== undefined && contents.length <= maxContents && contents.length === countOf(sizes);
  return { elementType, shape: sizes, ...(isKept && { contents }) };
}

/** How many elements a shape has, or undefined where a dimension is not a number. */
export function countOf(shape: readonly Dimension[] | undefined): number | undefined {
  let count = 1;
  for (const dimension of shape ?? [null]) {
    if (typeof dimension !== 'number') return undefined;
    count *= dimension;
  }
  return count;
}

/** What holds of both: dimensions that differ are unknown, and so is the shape where the ranks differ. */
export function common(a: Known | undefined, b: Known | undefined): Known | undefined {
  if (a === undefined || b === undefined || a.elementType !== b.elementType) return undefined;
  const { shape } = b;
  if (a.shape === undefined || shape === undefined || a.shape.length !== shape.length)
    return { elementType: a.elementType, shape: undefined };
  const contents =
    b.contents && a.contents?.map((element, index) => (element === b.contents?.[index] ? element : null));
  return known(
    a.elementType,
    a.shape.map((dimension, axis) => (dimension === shape[axis] ? dimension : null)),
    contents,
  );
}

/** The inferred type, with what only the file states filled in: where both state a size, the inferred one holds. */
export function completed(inferred: Known | undefined, declared: TensorType | undefined): Known | undefined {
  if (inferred === undefined || declared === undefined) return inferred ?? declared;
  if (declared.shape === undefined || declared.elementType !== inferred.elementType) return inferred;
  if (inferred.shape === undefined) return { ...inferred, shape: declared.shape };
  if (declared.shape.length !== inferred.shape.length) return inferred;
  const { shape } = declared;
  return { ...inferred, shape: inferred.shape.map((dimension, axis) => dimension ?? shape[axis] ?? null) };
}

/** Types whose elements are followed: integers for shapes, floats for the scales of a Resize and the like. */
const followedTypes: ReadonlySet<number> = new Set([
  elementTypes.BOOL,
  elementTypes.INT8,
  elementTypes.INT16,
  elementTypes.INT32,
  elementTypes.INT64,
  elementTypes.UINT8,
  elementTypes.UINT16,
  elementTypes.UINT32,
  elementTypes.UINT64,
  elementTypes.FLOAT,
  elementTypes.DOUBLE,
]);

/** Errors: MODEL_INVALID where a small constant has not as many bytes as its dimensions say. */
export function knownConstant(constant: Constant): Known {
  const { elementType, dims, data } = constant;
  const isSmall = (countOf(dims) ?? Number.NaN) <= maxContents;
  const isFollowed = isSmall && data.kind === 'raw' && followedTypes.has(elementType);
  return known(elementType, dims, isFollowed ? numbersOf(constant) : undefined);
}
