import type { Slot } from './layers.ts';

const gap = 24;
const sweeps = 16;

/**
 * Gives every slot its x: near the median of its neighbours, at least a gap apart, in the order of its layer. Each layer
 * is the least-squares solution for its wishes (pooling neighbours that push each other). The leftmost edge is 0.
 */
export function placeSlots(layers: readonly Slot[][]): void {
  for (const layer of layers)
    settle(
      layer,
      layer.map(() => 0),
    );
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : layers.toReversed())
      settle(
        layer,
        layer.map((slot) => wishOf(slot, isDown)),
      );
  }
  const left = Math.min(0, ...layers.map(([first]) => (first ? first.x - first.width / 2 : 0)));
  for (const layer of layers) for (const slot of layer) slot.x -= left;
}

/** Neighbours on the side just placed; those on the other where there are none. */
function wishOf(slot: Slot, isDown: boolean): number {
  const [first, second] = isDown ? [slot.above, slot.below] : [slot.below, slot.above];
  const neighbours = (first.length > 0 ? first : second).map(({ x }) => x).sort((a, b) => a - b);
  const middle = neighbours.length >> 1;
  const upper = neighbours[middle];
  if (upper === undefined) return slot.x;
  return neighbours.length % 2 === 1 ? upper : (upper + (neighbours[middle - 1] ?? upper)) / 2;
}

/** A run of slots that touch: where its first one wants to be on average. */
interface Run {
  wish: number;
  weight: number;
  slots: number;
}

function settle(layer: readonly Slot[], wishes: readonly number[]): void {
  const offsets: number[] = [];
  let offset = 0;
  for (const [index, slot] of layer.entries()) {
    const before = layer[index - 1];
    if (before) offset += before.width / 2 + gap + slot.width / 2;
    offsets.push(offset);
  }
  const runs: Run[] = [];
  for (const [index, slot] of layer.entries()) {
    // Bends follow their edge first: straight edges are easy to read.
    const weight = slot.box === undefined ? 3 : 1;
    let run: Run = { wish: (wishes[index] ?? 0) - (offsets[index] ?? 0), weight, slots: 1 };
    for (let last = runs.at(-1); last && last.wish > run.wish; last = runs.at(-1)) {
      runs.pop();
      const sum = last.weight + run.weight;
      run = {
        wish: (last.wish * last.weight + run.wish * run.weight) / sum,
        weight: sum,
        slots: last.slots + run.slots,
      };
    }
    runs.push(run);
  }
  let index = 0;
  for (const run of runs)
    for (const end = index + run.slots; index < end; index++) {
      const slot = layer[index];
      if (slot) slot.x = run.wish + (offsets[index] ?? 0);
    }
}
