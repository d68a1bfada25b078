import type { Slot } from './layers.ts';

const sweeps = 12;

/** Orders the slots of each layer by the barycentre of their neighbours, down and up, so that few edges cross; sorts in place. */
export function orderLayers(layers: Slot[][]): void {
  const positions = new Map<Slot, number>();
  const number = (layer: readonly Slot[]) => {
    for (const [index, slot] of layer.entries()) positions.set(slot, index);
  };
  layers.forEach(number);
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers, positions);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : layers.toReversed()) {
      const wanted = new Map(
        layer.map((slot) => [
          slot,
          barycentre(isDown ? slot.above : slot.below, positions) ?? positions.get(slot) ?? 0,
        ]),
      );
      layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      number(layer);
    }
    const count = crossings(layers, positions);
    if (count >= fewest) continue;
    fewest = count;
    best = layers.map((layer) => [...layer]);
  }
  for (const [index, layer] of best.entries()) layers[index] = layer;
}

function barycentre(neighbours: readonly Slot[], positions: ReadonlyMap<Slot, number>): number | undefined {
  if (neighbours.length === 0) return undefined;
  return neighbours.reduce((sum, slot) => sum + (positions.get(slot) ?? 0), 0) / neighbours.length;
}

/** Pairs of edges between neighbouring layers that cross: inversions, counted by a Fenwick tree in O(edges log slots). */
function crossings(layers: readonly Slot[][], positions: ReadonlyMap<Slot, number>): number {
  let count = 0;
  for (const [index, layer] of layers.entries()) {
    const width = layers[index + 1]?.length ?? 0;
    const tree = new Float64Array(width + 1);
    let seen = 0;
    for (const slot of layer) {
      const ends = slot.below.map((below) => positions.get(below) ?? 0);
      for (const end of ends) count += seen - prefixSum(tree, end + 1);
      for (const end of ends) {
        for (let at = end + 1; at <= width; at += at & -at) tree[at] = (tree[at] ?? 0) + 1;
        seen++;
      }
    }
  }
  return count;
}

function prefixSum(tree: Float64Array, end: number): number {
  let sum = 0;
  for (let at = end; at > 0; at -= at & -at) sum += tree[at] ?? 0;
  return sum;
}
