/**
 * Seeded random numbers, so that every window, weight and golden vector can be made again bit for bit.
 * Generator: sfc32 by Chris Doty-Humphrey (PractRand), 128 bits of state, period at least 2^32.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spare: number | undefined;

  /** The words of `seed` (u32 each) select the sequence: (seed, stream) pairs give unrelated ones. */
  constructor(...seed: [number, number?]) {
    this.#a = seed[0] >>> 0;
    this.#b = (seed[1] ?? 0) >>> 0;
    this.#c = 0x9e3779b9;
    for (let i = 0; i < 15; i++) this.#next();
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.#next() / 2 ** 32);
  }

  /** A whole number in [0, count). */
  integer(count: number): number {
    return Math.floor(this.uniform(0, count));
  }

  /** Standard normal, by Box and Muller's transform. */
  gaussian(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = this.uniform(0, 2 * Math.PI);
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
