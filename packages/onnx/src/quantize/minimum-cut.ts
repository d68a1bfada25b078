interface Edge {
  to: number;
  /** What may still flow. */
  room: number;
  /** The edge back, by its place in `edges`. */
  back: number;
}

/** Paths that are filled at most before the cut found so far is taken: a bound on time that no real graph reaches. */
const pathsMax = 200_000;

/**
 * Splits things in two at the least cost (maximum flow, Dinic 1970). Costs are whole numbers. `source` and `sink` are
 * the two sides; `node` makes a thing that is on one or the other.
 */
export class MinimumCut {
  readonly source = 0;
  readonly sink = 1;
  readonly #edges: Edge[] = [];
  readonly #leaving: number[][] = [[], []];

  node(): number {
    return this.#leaving.push([]) - 1;
  }

  /** Costs `cost` where `from` is on the side of the source and `to` on that of the sink. */
  edge(from: number, to: number, cost: number): void {
    const place = this.#edges.length;
    this.#edges.push({ to, room: cost, back: place + 1 }, { to: from, room: 0, back: place });
    this.#leaving[from]?.push(place);
    this.#leaving[to]?.push(place + 1);
  }

  /** Whether each node is on the side of the source in the cheapest split. */
  split(): (node: number) => boolean {
    let paths = 0;
    let levels = this.#levels();
    while (levels[this.sink] !== undefined && paths < pathsMax) {
      const next = this.#leaving.map(() => 0);
      while (paths < pathsMax && this.#fillPath(levels, next)) paths++;
      levels = this.#levels();
    }
    return (node) => levels[node] !== undefined;
  }

  /** Steps from the source to each node along edges with room. */
  #levels(): (number | undefined)[] {
    const levels: (number | undefined)[] = [0];
    const open = [this.source];
    for (const node of open)
      for (const place of this.#leaving[node] ?? []) {
        const edge = this.#edges[place];
        if (!edge || edge.room === 0 || levels[edge.to] !== undefined) continue;
        levels[edge.to] = (levels[node] ?? 0) + 1;
        open.push(edge.to);
      }
    return levels;
  }

  /** Fills one path from source to sink; `next` is the first edge of each node that is not known to be a dead end. */
  #fillPath(levels: readonly (number | undefined)[], next: number[]): boolean {
    const path: Edge[] = [];
    let node = this.source;
    while (node !== this.sink) {
      const place = this.#leaving[node]?.[next[node] ?? 0];
      const edge = place === undefined ? undefined : this.#edges[place];
      if (edge && edge.room > 0 && levels[edge.to] === (levels[node] ?? 0) + 1) {
        path.push(edge);
        node = edge.to;
        continue;
      }
      if (!edge) {
        const last = path.pop();
        if (!last) return false;
        node = this.#edges[last.back]?.to ?? this.source;
      }
      next[node] = (next[node] ?? 0) + 1;
    }
    const room = Math.min(...path.map((edge) => edge.room));
    for (const edge of path) {
      edge.room -= room;
      const back = this.#edges[edge.back];
      if (back) back.room += room;
    }
    return true;
  }
}
