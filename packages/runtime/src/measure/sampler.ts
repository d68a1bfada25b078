/** Work that a window may begin with at once, and again each time that the sample is halved. */
const burstMs = 10;

/**
 * Chooses a uniform random sample of a window's requests whose work stays in a budget, without knowing how many will come.
 *
 * Every request draws a level: j or more with probability 2^-j, whatever is in it. All levels are looked at first; when the
 * budget runs out the lowest is given up, what was seen of it included. What remains at the end are all requests of the
 * window from some level on: each was in with the same probability, the first and those of a burst no more than the others
 * (levels as in Gibbons' distinct sampling, VLDB 2001, but drawn instead of hashed).
 *
 * The budget: work(t) <= share * t + 10 ms * (halvings + 1), and the one request that crosses it.
 */
export class Sampler {
  readonly #random: () => number;
  #lowest = 0;
  #spentMs = 0;
  #fromMs = 0;

  /** `random` is uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  begin(nowMs: number): void {
    this.#fromMs = nowMs;
    this.#lowest = 0;
    this.#spentMs = 0;
  }

  /** The level of a request that is to be looked at; undefined for one that is not. `share` is of one core. */
  offer(nowMs: number, share: number): number | undefined {
    const level = Math.clz32(this.#random() * 2 ** 32);
    while (level >= this.#lowest) {
      const budgetMs = share * (nowMs - this.#fromMs) + burstMs * (this.#lowest + 1);
      if (share > 0 && this.#spentMs < budgetMs) return level;
      this.#lowest++;
    }
    return undefined;
  }

  /** Looking at a request took so long. */
  spent(ms: number): void {
    this.#spentMs += ms;
  }

  /** Requests of lower levels do not count any more. */
  get lowest(): number {
    return this.#lowest;
  }
}
