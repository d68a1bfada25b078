import { walkGraphs } from '../graph/index.ts';
import {
  type Constant,
  countElements,
  elementsSizeBytes,
  elementTypeName,
  everyConstant,
  type Model,
  type Node,
} from '../model/index.ts';

/** The numbers a model carries: initializers, constants, and what trees and the like keep in their attributes. */
export interface Weights {
  tensors: number;
  /** Elements of all of them. */
  count: number;
  sizeBytes: number;
  /** Largest first. */
  byElementType: { elementType: string; tensors: number; count: number; sizeBytes: number }[];
  /** The few largest. */
  biggest: Weight[];
}

interface Weight {
  name: string;
  elementType: string;
  shape: number[];
  sizeBytes: number;
}

const maxBiggest = 8;

/** Shorter lists in attributes are settings, such as strides. */
const leastAttributeCount = 16;

/** Errors: MODEL_INVALID for a tensor of absurd dimensions. */
export function weighModel(model: Model): Weights {
  const weights = [...everyConstant(model)].map(weightOf).concat(attributeWeights(model));
  const byElementType = new Map<string, Weights['byElementType'][number]>();
  for (const { elementType, shape, sizeBytes } of weights) {
    const sum = byElementType.get(elementType) ?? { elementType, tensors: 0, count: 0, sizeBytes: 0 };
    sum.tensors++;
    sum.count += countElements(shape, elementType);
    sum.sizeBytes += sizeBytes;
    byElementType.set(elementType, sum);
  }
  const sums = [...byElementType.values()].sort((a, b) => b.sizeBytes - a.sizeBytes);
  return {
    tensors: weights.length,
    count: sums.reduce((total, { count }) => total + count, 0),
    sizeBytes: sums.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    byElementType: sums,
    biggest: weights.sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, maxBiggest),
  };
}

function weightOf({ name, elementType, dims, data }: Constant): Weight {
  const texts = data.kind === 'strings' ? data.strings.reduce((sum, text) => sum + text.byteLength, 0) : 0;
  return {
    name,
    elementType: elementTypeName(elementType),
    shape: dims,
    sizeBytes: elementsSizeBytes(elementType, countElements(dims, name)) ?? texts,
  };
}

function attributeWeights(model: Model): Weight[] {
  const nodes = [
    ...walkGraphs(model.graph).flatMap((graph) => graph.nodes),
    ...model.functions.flatMap((fn) => fn.nodes),
  ];
  return nodes.flatMap(listsOf);
}

function listsOf(node: Node): Weight[] {
  return [...node.attributes].flatMap(([name, attribute]) => {
    if (attribute.type !== 'floats' && attribute.type !== 'ints') return [];
    const { length, byteLength } = attribute.value;
    if (length < leastAttributeCount) return [];
    const elementType = attribute.type === 'floats' ? 'FLOAT' : 'INT64';
    return [
      { name: `${node.name || node.opType}.${name}`, elementType, shape: [length], sizeBytes: byteLength },
    ];
  });
}
