import type { Edge } from './diagram.ts';

/** A place in a layer: a box, or a bend of an edge that passes through (`box` is then undefined). */
export interface Slot {
  box: number | undefined;
  width: number;
  above: Slot[];
  below: Slot[];
  /** Centre. */
  x: number;
  layer: number;
}

export interface Layering {
  layers: Slot[][];
  /** The slots that each edge runs through, from its maker to its taker. */
  routes: Slot[][];
}

/** Bends keep long edges off the boxes; a picture with more of them than this draws the longest straight. */
const maxBends = 20_000;
const bendWidth = 14;

/**
 * Assigns every box the layer of the longest path to it, boxes that only give moved down to their first taker. Edges must go from
 * lower to higher indices.
 */
export function createLayers(widths: readonly number[], edges: readonly Edge[]): Layering {
  const depths = longestPaths(widths.length, edges);
  const layers: Slot[][] = Array.from({ length: Math.max(-1, ...depths) + 1 }, () => []);
  const place = (box: number | undefined, width: number, layer: number): Slot => {
    const slot: Slot = { box, width, above: [], below: [], x: 0, layer };
    layers[layer]?.push(slot);
    return slot;
  };
  const slots = widths.map((width, box) => place(box, width, depths[box] ?? 0));
  let bends = 0;
  const routes = edges.map(({ from, to }) => {
    const [start, end] = [slots[from], slots[to]];
    if (start === undefined || end === undefined) return [];
    const route = [start];
    bends += end.layer - start.layer - 1;
    for (let layer = start.layer + 1; layer < end.layer && bends <= maxBends; layer++)
      route.push(place(undefined, bendWidth, layer));
    route.push(end);
    connect(route);
    return route;
  });
  return { layers, routes };
}

/** Only neighbours in adjacent layers order each other. */
function connect(route: readonly Slot[]): void {
  for (const [index, slot] of route.entries()) {
    const next = route[index + 1];
    if (next === undefined || next.layer !== slot.layer + 1) continue;
    slot.below.push(next);
    next.above.push(slot);
  }
}

function longestPaths(count: number, edges: readonly Edge[]): number[] {
  const depths = new Array<number>(count).fill(0);
  const given = new Set(edges.map(({ to }) => to));
  const takers = new Map<number, number>();
  // Boxes are numbered in the order they compute, so edges sorted by taker see every maker settled.
  for (const { from, to } of edges.toSorted((a, b) => a.to - b.to))
    depths[to] = Math.max(depths[to] ?? 0, (depths[from] ?? 0) + 1);
  for (const { from, to } of edges) takers.set(from, Math.min(takers.get(from) ?? Infinity, depths[to] ?? 0));
  return depths.map((depth, box) => (given.has(box) ? depth : Math.max(0, (takers.get(box) ?? 1) - 1)));
}
