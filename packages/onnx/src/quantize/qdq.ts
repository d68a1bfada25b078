import type { Names } from '../graph/index.ts';
import {
  type Constant,
  createConstant,
  createNode,
  elementTypes,
  type Graph,
  type Node,
} from '../model/index.ts';
import type { Affine, IntegerType } from './affine.ts';

/** Adds what a graph needs for quantized values: constants with scales, and nodes that convert. */
export class QdqWriter {
  readonly #names: Names;
  readonly #graph: Graph;
  /** Names of constants by what is in them. */
  readonly #scales = new Map<number, string>();
  readonly #zeros = new Map<string, string>();

  constructor(names: Names, graph: Graph) {
    this.#names = names;
    this.#graph = graph;
  }

  fresh(wanted: string): string {
    return this.#names.fresh(wanted);
  }

  constant(constant: Constant): string {
    const name = this.#names.fresh(constant.name);
    this.#graph.initializers.set(name, { ...constant, name });
    return name;
  }

  /** `source` to integers and back, under the name `target`. */
  roundTrip(source: string, target: string, affine: Affine, type: IntegerType): Node[] {
    const integers = this.fresh(`${source}_q`);
    const [scale, zeroPoint] = this.#scale(target, affine, type);
    return [
      createNode('QuantizeLinear', [source, scale, zeroPoint], [integers]),
      this.#dequantize([integers, scale, zeroPoint], target, undefined),
    ];
  }

  /** A node that gives, as `output`, the real numbers of a constant stored as integers. */
  stored(
    { name, dims }: Constant,
    integers: Int8Array | Uint8Array,
    affines: readonly Affine[],
    { axis, type }: { axis: number | undefined; type: IntegerType },
    output: string,
  ): Node {
    return this.#dequantize(this.integers({ name, dims }, integers, affines, { axis, type }), output, axis);
  }

  /** Constants: integers of a weight, their scales and their zero points. */
  integers(
    { name, dims }: Pick<Constant, 'name' | 'dims'>,
    integers: Int8Array | Uint8Array,
    affines: readonly Affine[],
    { axis, type }: { axis: number | undefined; type: IntegerType },
  ): [data: string, scales: string, zeroPoints: string] {
    const shape = axis === undefined ? [] : [affines.length];
    const scales = affines.map(({ scale }) => scale);
    const zeroPoints = affines.map(({ zeroPoint }) => zeroPoint);
    return [
      this.constant(createConstant(`${name}_q`, type.elementType, dims, integers)),
      this.floats(`${name}_scale`, shape, scales),
      this.#zeroPoints(shape, zeroPoints, type),
    ];
  }

  /** As `stored`, of a bias as int32, with one scale for each number or one for all. */
  storedBias(name: string, integers: Int32Array, scales: readonly number[], output: string): Node {
    const axis = scales.length === 1 ? undefined : 0;
    const inputs = [
      this.constant(createConstant(`${name}_q`, elementTypes.INT32, [integers.length], integers)),
      this.floats(`${name}_scale`, axis === undefined ? [] : [scales.length], scales),
    ];
    return this.#dequantize(inputs, output, axis);
  }

  /** As `integers`, for weights of one direction of a recurrent node: scales as [1, channels]. */
  perDirection(
    { name, dims }: Pick<Constant, 'name' | 'dims'>,
    integers: Int8Array | Uint8Array,
    affines: readonly Affine[],
    type: IntegerType,
  ): [data: string, scales: string, zeroPoints: string] {
    const shape = [1, affines.length];
    const scales = affines.map(({ scale }) => scale);
    return [
      this.constant(createConstant(`${name}_q`, type.elementType, dims, integers)),
      this.floats(`${name}_scale`, shape, scales),
      this.#zeroPoints(
        shape,
        affines.map(({ zeroPoint }) => zeroPoint),
        type,
      ),
    ];
  }

  floats(name: string, shape: readonly number[], values: readonly number[]): string {
    return this.constant(createConstant(name, elementTypes.FLOAT, shape, Float32Array.from(values)));
  }

  /** Zero points, mostly zeros: equal ones are stored once. */
  #zeroPoints(shape: readonly number[], values: readonly number[], type: IntegerType): string {
    const key = `${type.elementType} ${shape} ${values}`;
    const known = this.#zeros.get(key);
    if (known !== undefined) return known;
    const integers = type.min < 0 ? Int8Array.from(values) : Uint8Array.from(values);
    const name = this.constant(createConstant('zero', type.elementType, shape, integers));
    this.#zeros.set(key, name);
    return name;
  }

  /** Has a name of its own: that of what it gives may be the name of the node that gave it before. */
  #dequantize(inputs: readonly string[], output: string, axis: number | undefined): Node {
    const attributes = axis === undefined ? {} : { axis };
    return {
      ...createNode('DequantizeLinear', inputs, [output], attributes),
      name: this.fresh(`${output}_dq`),
    };
  }

  #scale(name: string, { scale, zeroPoint }: Affine, type: IntegerType): [string, string] {
    const known = this.#scales.get(scale) ?? this.floats(`${name}_scale`, [], [scale]);
    this.#scales.set(scale, known);
    return [known, this.#zeroPoints([], [zeroPoint], type)];
  }
}

/** The integers of a bias, in the scales of the products it is added to: one for each number, or one for all. */
export function biasIntegers(bias: Float32Array, scales: readonly number[]): Int32Array {
  return Int32Array.from(bias, (value, i) => Math.round(value / (scales[i] ?? scales[0] ?? 1)));
}
