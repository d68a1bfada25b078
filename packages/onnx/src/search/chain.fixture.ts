import type { Tensor } from '@covey/protocol';
import type { Sample } from '../calibrate/index.ts';
import { GraphBuilder } from '../graph/index.ts';
import type { Model } from '../model/index.ts';

export function floats(shape: number[], numbers: ArrayLike<number>): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(numbers).buffer) };
}

/** Numbers of -1 to 1 that follow from the seed (a linear congruential generator). */
export function randoms(seed: number, count: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export interface ChainOptions {
  layers: number;
  width: number;
  /** Layers whose input has one value that dwarfs the others: its range leaves no integers for them. */
  fragile?: readonly number[];
  seed?: number;
}

/** `input` [batch, width] through MatMul `layer0`, Relu `active0`, `layer1`, ... to `output`. */
export function createChain({ layers, width, fragile = [], seed = 1 }: ChainOptions): Model {
  const builder = new GraphBuilder('chain');
  let value = builder.input({ name: 'input', datatype: 'FP32', shape: [-1, width] });
  for (let layer = 0; layer < layers; layer++) {
    const scale = Math.sqrt(6 / width);
    const weight = randoms(seed * 1000 + layer, width * width).map((number) => number * scale);
    // A loud column before a fragile layer, and a faint row in it: what is computed stays of one size.
    for (let index = 0; index < width; index++) {
      if (fragile.includes(layer + 1)) weight[index * width] = Math.abs(weight[index * width] ?? 0) * 1e4;
      if (fragile.includes(layer)) weight[index] = (weight[index] ?? 0) / 1e4;
    }
    const name = builder.initializer(`weight${layer}`, floats([width, width], weight));
    const last = layer === layers - 1;
    value = builder.node('MatMul', [value, name], last ? 'output' : `layer${layer}`);
    if (!last) value = builder.node('Relu', [value], `active${layer}`);
  }
  builder.output({ name: value, datatype: 'FP32', shape: [-1, width] });
  return builder.build();
}

export function createSamples(count: number, width: number, seed = 7): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    input: floats([1, width], randoms(seed + index * 31, width)),
  }));
}
