import { type Constant, type Dimension, intAttribute, type Node } from '../model/index.ts';

/**
 * Time of nodes in ns on one thread. Convolutions, conversions and what only moves or rescales are fitted to ONNX
 * Runtime's profile of face-rfb-320 on x86-64 with AVX-512 VNNI. Products of matrices are not measured: they are taken to
 * multiply as fast as convolutions do, but no faster than memory can give their weights. Other processors differ in these
 * numbers (integers gain less without VNNI), but hardly in what follows from them: pictures with few channels and depthwise
 * convolutions gain least.
 */
export interface NodeCost {
  floats: number;
  integers: number;
}

/** Of each node, and of each conversion. */
const startNs = { node: 2_000, conversion: 4_000 };
/** fp32 to integers or back, with the change of layout that goes with it; per element. */
const conversionNs = 0.5;
/** Multiply-adds in a ns: fp32 of many and of few output channels, depthwise fp32; integers in packed weights or not. */
const rates = { dense: 70, shallow: 45, depthwise: 38, packed: 220, unpacked: 25 };
/** Bringing a product back to 8 bits, per element; looking up where input is, per output pixel and kernel position. */
const requantizeNs = 0.18;
const indirectionNs = 1.8;
/** Depthwise on integers, per output pixel and kernel position, and for each 16 channels there. */
const depthwiseNs = { position: 1, channels: 1 };
/** fp32 that is added or moved, per element; integers of a rescaling node; integers that are only moved. */
const elementNs = { floats: 0.2, rescaled: 0.35, moved: 0.1 };
/** Reading a weight, per element, where there is little else to do: an estimate, about 27 GB/s of memory. */
const weightNs = { floats: 0.15, integers: 0.04 };

/** What QuantizeLinear and DequantizeLinear around a node take in the file, and what each channel of its weight does: scales, zero points. */
const storedBytes = { node: 500, channel: 11 };

/** How much smaller a file gets, in bytes, when a weight of a node is stored on integers and not as fp16; negative for a small one. */
export function savedBytesOf(weight: Constant, channels: number): number {
  return elementsIn(weight.dims) - storedBytes.node - storedBytes.channel * channels;
}

/** How many elements a shape has; a dimension that is not known counts as 1. */
function elementsIn(shape: readonly Dimension[] | undefined): number {
  return (shape ?? []).reduce<number>((count, size) => count * (typeof size === 'number' ? size : 1), 1);
}

/** Of converting a value between fp32 and integers. */
export function conversionCost(shape: readonly Dimension[] | undefined): number {
  return startNs.conversion + conversionNs * elementsIn(shape);
}

/** Of a node that gives `output`, multiplying by `weight` if it has one. */
export function costOf(
  node: Node,
  weight: Constant | undefined,
  output: readonly Dimension[] | undefined,
  moves: boolean,
): NodeCost {
  const elements = elementsIn(output);
  if (!weight) {
    const perElement = moves ? elementNs.moved : elementNs.rescaled;
    return {
      floats: startNs.node + elementNs.floats * elements,
      integers: startNs.node + perElement * elements,
    };
  }
  return node.opType === 'Conv' ? convCost(node, weight, elements) : productCost(node, weight, elements);
}

function productCost(node: Node, weight: Constant, elements: number): NodeCost {
  const depth = weight.dims.at(intAttribute(node, 'transB') === 1 ? -1 : -2) ?? 1;
  const work = elements * depth;
  const size = elementsIn(weight.dims);
  return {
    floats: startNs.node + Math.max(work / rates.dense, size * weightNs.floats),
    integers:
      startNs.node + Math.max(work / rates.packed, size * weightNs.integers) + requantizeNs * elements,
  };
}

function convCost(node: Node, weight: Constant, elements: number): NodeCost {
  const [channels = 1, depth = 1, ...kernel] = weight.dims;
  const kernelSize = elementsIn(kernel);
  const work = elements * depth * kernelSize;
  const positions = (elements / channels) * kernelSize;
  const size = elementsIn(weight.dims);
  const read = {
    floats: startNs.node + size * weightNs.floats,
    integers: startNs.node + size * weightNs.integers,
  };
  if (depth === 1 && (intAttribute(node, 'group') ?? 1) === channels) {
    const lanes = Math.ceil(channels / 16);
    const perPosition = depthwiseNs.position + depthwiseNs.channels * lanes;
    return {
      floats: read.floats + work / rates.depthwise,
      integers: read.integers + positions * perPosition,
    };
  }
  // MLAS packs weights for its kernel of symmetric convolution only in these multiples.
  const packs =
    depth % 4 === 0 && channels % 4 === 0 && channels >= 16 && (intAttribute(node, 'group') ?? 1) === 1;
  const rate = packs ? rates.packed : rates.unpacked;
  // The layout of fp32 convolutions has channels in blocks of 16.
  const padded = (work / channels) * Math.ceil(channels / 16) * 16;
  const lookups = kernelSize > 1 ? positions * indirectionNs : 0;
  return {
    floats: read.floats + padded / (channels < 32 ? rates.shallow : rates.dense),
    integers: read.integers + work / rate + requantizeNs * elements + lookups,
  };
}
