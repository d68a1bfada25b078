import {
  type Constant,
  elementsOf,
  elementTypes,
  intAttribute,
  type Node,
  rawBytes,
} from '../model/index.ts';

const float: ReadonlySet<number> = new Set([elementTypes.FLOAT, elementTypes.DOUBLE, elementTypes.FLOAT16]);

/** The numbers of a tensor as they are stored, 4-bit ones too; undefined for types that have none to read here. */
export function storedNumbers(constant: Constant): ArrayLike<number> | undefined {
  const { elementType, data, dims } = constant;
  if (data.kind !== 'raw') return undefined;
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (elementType === elementTypes.INT4) return nibbles(rawBytes(constant), count, 8);
  if (elementType === elementTypes.UINT4) return nibbles(rawBytes(constant), count, 0);
  if (!float.has(elementType) && !integers.has(elementType)) return undefined;
  const elements = elementsOf(constant);
  return elements instanceof BigInt64Array || elements instanceof BigUint64Array
    ? Float64Array.from(elements, Number)
    : elements;
}

const integers: ReadonlySet<number> = new Set([
  elementTypes.UINT8,
  elementTypes.INT8,
  elementTypes.UINT16,
  elementTypes.INT16,
  elementTypes.UINT32,
  elementTypes.INT32,
  elementTypes.UINT64,
  elementTypes.INT64,
  elementTypes.BOOL,
]);

/** Two 4-bit elements to a byte, the low half first; `sign` is 8 where they are signed. */
function nibbles(bytes: Uint8Array, count: number, sign: 0 | 8): Float32Array {
  const numbers = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    const half = ((bytes[index >> 1] ?? 0) >> ((index & 1) * 4)) & 15;
    numbers[index] = (half ^ sign) - sign;
  }
  return numbers;
}

/** How integers stand for numbers: (integer - zero point) * scale. */
export interface Scaling {
  /** One; one for each index of `axis`; or as many dimensions as the tensor, one for each block along `axis`. */
  scale: Constant;
  zeroPoint: Constant | undefined;
  axis: number;
  blockSize: number;
}

/** The numbers that integers stand for, as DequantizeLinear of ONNX makes them; undefined where they cannot be read. */
export function dequantize(stored: Constant, scaling: Scaling): Float32Array | undefined {
  const values = storedNumbers(stored);
  const scales = storedNumbers(scaling.scale);
  const zeros = scaling.zeroPoint && storedNumbers(scaling.zeroPoint);
  if (values === undefined || scales === undefined) return undefined;
  const scaleAt = scaleIndex(stored.dims, scaling);
  const numbers = new Float32Array(values.length);
  for (let index = 0; index < numbers.length; index++) {
    const at = scaleAt(index);
    numbers[index] = ((values[index] ?? Number.NaN) - (zeros?.[at] ?? 0)) * (scales[at] ?? Number.NaN);
  }
  return numbers;
}

/** Which scale an element has. */
function scaleIndex(
  dims: readonly number[],
  { scale: { dims: scaleDims }, axis: given, blockSize }: Scaling,
): (index: number) => number {
  if (scaleDims.reduce((product, dim) => product * dim, 1) === 1) return () => 0;
  const axis = given < 0 ? given + dims.length : given;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const size = dims[axis] ?? 1;
  if (scaleDims.length === 1) return (index) => Math.floor(index / inner) % size;
  const blocks = scaleDims[axis] ?? 1;
  return (index) => {
    const along = Math.floor(index / inner) % size;
    const outer = Math.floor(index / (inner * size));
    return (outer * blocks + Math.floor(along / blockSize)) * inner + (index % inner);
  };
}

/**
 * The matrix [K, N] that MatMulNBits of com.microsoft multiplies by: B holds for each of N columns blocks of `block_size`
 * elements along K, packed with the low bits first; a zero point is in the middle unless given, packed per column.
 */
export function dequantizeNBits(
  node: Node,
  constantOf: (name: string) => Constant | undefined,
): Float32Array | undefined {
  const [k, n, bits = 4, block] = ['K', 'N', 'bits', 'block_size'].map((name) => intAttribute(node, name));
  const [packed, scales, zeros] = [1, 2, 3].map((slot) => constantOf(node.inputs[slot] ?? ''));
  if (!k || !n || !block || (bits !== 4 && bits !== 8) || packed === undefined || scales === undefined)
    return undefined;
  const bytes = rawBytes(packed);
  const scaleNumbers = storedNumbers(scales);
  const blocks = Math.ceil(k / block);
  const perByte = 8 / bits;
  const zeroColumn = Math.ceil(blocks / perByte);
  if (zeros !== undefined && zeros.elementType !== elementTypes.UINT8) return undefined;
  const zeroBytes = zeros && rawBytes(zeros);
  if (scaleNumbers === undefined || k * n > bytes.byteLength * perByte) return undefined;
  const at = (data: Uint8Array, row: number, index: number) =>
    ((data[row + Math.floor(index / perByte)] ?? 0) >> ((index % perByte) * bits)) & (2 ** bits - 1);
  const numbers = new Float32Array(k * n);
  for (let column = 0; column < n; column++)
    for (let i = 0; i < k; i++) {
      const blockIndex = Math.floor(i / block);
      const value = at(bytes, ((column * blocks + blockIndex) * block) / perByte, i % block);
      const zero = zeroBytes ? at(zeroBytes, column * zeroColumn, blockIndex) : 2 ** (bits - 1);
      numbers[i * n + column] = (value - zero) * (scaleNumbers[column * blocks + blockIndex] ?? Number.NaN);
    }
  return numbers;
}
