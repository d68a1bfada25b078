import { squash, stretch } from './logistic.ts';
import type { BitCoder } from './range-coder.ts';

/** A probability of 22 bits and, below, a count of 10: one half, never seen. */
const unseen = 2 ** 31;
const largest = 2 ** 22 - 1;

/** How fast a probability follows, by how often it was seen: 1 / (n + 1.5) is the estimate of Krichevsky and Trofimov. */
const rates = Float64Array.from({ length: 1_024 }, (_, n) => 1 / (n + 1.5));

/** How far the weights of a mixture follow, by how often they were used. */
const settledAfter = 1_000;
const steps = Float64Array.from({ length: settledAfter + 1 }, (_, n) => 0.002 + 0.02 / (1 + n / 16));

/** Adaptive probabilities. */
export function newCells(count: number): Uint32Array {
  return new Uint32Array(count).fill(unseen);
}

/** `limit`: the count at which a probability stops to slow down, 1023 at most. */
function learn(cells: Uint32Array, at: number, bit: number, limit: number): void {
  const cell = cells[at] as number;
  const p = cell >>> 10;
  const n = cell & 1_023;
  const moved = (p + ((bit ? largest : 0) - p) * (rates[n] as number)) | 0;
  cells[at] = ((moved << 10) | (n < limit ? n + 1 : n)) >>> 0;
}

/** Codes a bit by one adaptive probability. */
export function codeBit(coder: BitCoder, bit: number, cells: Uint32Array, at: number, limit: number): number {
  const p = (cells[at] as number) >>> 16;
  const coded = coder.code(bit, Math.max(p, 1));
  learn(cells, at, coded, limit);
  return coded;
}

/** The `count` lower bits of a number, the highest first, each by the probability of its position. */
export function codeBits(
  coder: BitCoder,
  value: number,
  count: number,
  cells: Uint32Array,
  base: number,
): number {
  let coded = 0;
  for (let k = count - 1; k >= 0; k--)
    coded = (coded << 1) | codeBit(coder, (value >>> k) & 1, cells, base + k, 1_023);
  return coded;
}

/**
 * Mixes the probabilities that several contexts give for a bit: a logistic regression that learns as it goes
 * (M. Mahoney, "Adaptive weighing of context models for lossless data compression", 2005). Set `slots`, then `code`.
 */
export class Mixture {
  /** One probability per input. */
  readonly slots: Int32Array;
  readonly #cells: Uint32Array;
  readonly #weights: Float64Array;
  readonly #seen: Uint16Array;
  readonly #stretched: Float64Array;
  readonly #limit: number;

  /** `sets`: of weights, one of which is taken for each bit. */
  constructor(inputs: number, sets: number, cells: number, limit: number) {
    this.slots = new Int32Array(inputs);
    this.#cells = newCells(cells);
    this.#weights = new Float64Array(inputs * sets).fill(1.2 / inputs);
    this.#seen = new Uint16Array(sets);
    this.#stretched = new Float64Array(inputs);
    this.#limit = limit;
  }

  /** Forgets the probabilities from one slot to another. */
  forget(from: number, to: number): void {
    this.#cells.fill(unseen, from, to);
  }

  /** `node` is added to each slot. */
  code(coder: BitCoder, bit: number, node: number, set: number): number {
    const slots = this.slots;
    const cells = this.#cells;
    const weights = this.#weights;
    const stretched = this.#stretched;
    const inputs = slots.length;
    const first = set * inputs;
    let dot = 0;
    for (let i = 0; i < inputs; i++) {
      const input = stretch[(cells[(slots[i] as number) + node] as number) >>> 20] as number;
      stretched[i] = input;
      dot += input * (weights[first + i] as number);
    }
    const p = squash(dot);
    const coded = coder.code(bit, (p * 65_536) | 0);
    const seen = this.#seen[set] as number;
    if (seen < settledAfter) this.#seen[set] = seen + 1;
    const step = (coded - p) * (steps[seen] as number);
    const goal = coded ? largest : 0;
    const limit = this.#limit;
    for (let i = 0; i < inputs; i++) {
      weights[first + i] = (weights[first + i] as number) + step * (stretched[i] as number);
      const at = (slots[i] as number) + node;
      const cell = cells[at] as number;
      const before = cell >>> 10;
      const n = cell & 1_023;
      const after = (before + (goal - before) * (rates[n] as number)) | 0;
      cells[at] = (after << 10) | (n < limit ? n + 1 : n);
    }
    return coded;
  }

  /** A number of `bits` bits, the highest first, as a walk down a tree of 2^bits - 1 nodes. */
  codeTree(coder: BitCoder, value: number, bits: number): number {
    let node = 1;
    for (let k = bits - 1; k >= 0; k--) node = (node << 1) | this.code(coder, (value >>> k) & 1, node, node);
    return node - (1 << bits);
  }
}
