/** What the queue needs to know of what waits in it. */
export interface Queued {
  /** 1 is served first; 0 is the middle level. */
  readonly priority: number;
  /** When it came, on the monotonic clock. */
  readonly enqueuedMs: number;
}

const levels = 9;
const middleLevel = 5;
/**
 * What one level is worth in waiting time: a request is overtaken only by those of a higher level that came at most so
 * long after it, times the levels between. So nothing waits for ever behind a stream of what is more important.
 */
const levelMs = 250;

/** Waiting work in the order it is to be served: by level, then by arrival; see levelMs. */
export class PriorityQueue<Item extends Queued> {
  readonly #items: Item[] = [];

  get length(): number {
    return this.#items.length;
  }

  /** In order; not to be changed. */
  get items(): readonly Item[] {
    return this.#items;
  }

  add(item: Item): void {
    const rank = rankOf(item);
    let low = 0;
    let high = this.#items.length;
    // Most come at the end: look there first.
    const last = this.#items[high - 1];
    if (last === undefined || rankOf(last) <= rank) {
      this.#items.push(item);
      return;
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      const found = this.#items[middle];
      if (found !== undefined && rankOf(found) <= rank) low = middle + 1;
      else high = middle;
    }
    this.#items.splice(low, 0, item);
  }

  removeFirst(): void {
    this.#items.shift();
  }

  has(item: Item): boolean {
    return this.#items.includes(item);
  }

  /** Whether it was there. */
  remove(item: Item): boolean {
    const at = this.#items.indexOf(item);
    if (at < 0) return false;
    this.#items.splice(at, 1);
    return true;
  }

  /** Takes out all that `isTaken` says, in order. */
  takeIf(isTaken: (item: Item) => boolean): Item[] {
    const taken: Item[] = [];
    let kept = 0;
    for (const item of this.#items) {
      if (isTaken(item)) taken.push(item);
      else this.#items[kept++] = item;
    }
    this.#items.length = kept;
    return taken;
  }
}

/** When an item of the highest level would have come to be served at the same time. */
export function rankOf({ priority, enqueuedMs }: Queued): number {
  const level = priority === 0 ? middleLevel : Math.min(levels, priority);
  return enqueuedMs + (level - 1) * levelMs;
}
