import { codeBits, Mixture, newCells } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';
import type { LevelShape } from './spans.ts';

/** Nodes of one context: whether the guess is right, on which side, how far away. */
const node = 64;
const farthest = 24;
const byBase = 0;
const byFraction = byBase + 256 * node;
const byNeighbours = byFraction + 16 * 16 * node;
const byChannel = byNeighbours + 5 * 5 * 5 * node;
const cells = byChannel + 16 * 8 * node;
/** How much the slope of the channels before weighs in a new one, as a sum of squares. */
const inherited = 8_192;

/**
 * Codes 8-bit integers that were quantized like those of a base, with other scales: target = round(slope * base +
 * shift) up to a few levels. The slope, the ratio of the two scales, is learned per channel by least squares from what is
 * coded already, so the scales themselves need not be known. How near the guess lies to the middle between two levels,
 * and how large it is, says how sure it is.
 */
export class LevelModel {
  readonly #distances = new Mixture(4, node, cells, 500);
  readonly #escape = newCells(8);

  /** `target` is read by a writer and filled by a reader; equally long as `base`. */
  code(coder: BitCoder, target: Uint8Array, base: Uint8Array, shape: LevelShape): void {
    const { stride, phase, byColumn, flips, shift } = shape;
    const count = target.byteLength;
    const [flipBase, flipTarget] = [flips & 1 ? 128 : 0, flips & 2 ? 128 : 0];
    const channels = byColumn ? Math.min(stride, count + phase) : Math.ceil((count + phase) / stride);
    const [squares, products] = [new Float64Array(channels), new Float64Array(channels)];
    const spread = new Float64Array(channels);
    const off = new Int16Array(count);
    let slope = shape.slope / 256;
    let last = -1;
    for (let i = 0; i < count; i++) {
      const channel = byColumn ? (i + phase) % stride : Math.floor((i + phase) / stride);
      if (channel !== last && !byColumn && last >= 0) slope = fitted(squares, products, last, slope);
      last = channel;
      const from = (((base[i] as number) ^ flipBase) << 24) >> 24;
      const guess = fitted(squares, products, channel, slope) * from + shift;
      const level = Math.floor(guess + 0.5);
      const near = level < -128 ? -128 : Math.min(level, 127);
      const [one, two, above] = [
        off[i - 1] ?? 0,
        off[i - 2] ?? 0,
        i >= stride ? (off[i - stride] as number) : 0,
      ];
      const { slots } = this.#distances;
      const fraction = Math.max(0, Math.min(15, Math.floor((guess - level + 0.5) * 16)));
      const largeness = Math.min(15, 32 - Math.clz32(Math.abs(near)) + 8 * (near < 0 ? 1 : 0));
      slots[0] = byBase + (from + 128) * node;
      slots[1] = byFraction + (fraction * 16 + largeness) * node;
      slots[2] = byNeighbours + (clipped(one) * 25 + clipped(two) * 5 + clipped(above)) * node;
      slots[3] =
        byChannel + (Math.min(15, Math.floor((spread[channel] as number) * 4)) * 8 + (fraction >> 1)) * node;
      const given = ((((target[i] as number) ^ flipTarget) << 24) >> 24) - near;
      const distance = this.#codeDistance(coder, given);
      const to = near + distance;
      target[i] = to ^ flipTarget;
      off[i] = distance;
      spread[channel] = (spread[channel] as number) * 0.9375 + Math.abs(distance) * 0.0625;
      squares[channel] = (squares[channel] as number) + from * from;
      products[channel] = (products[channel] as number) + from * (to - shift);
    }
  }

  #codeDistance(coder: BitCoder, distance: number): number {
    const model = this.#distances;
    if (model.code(coder, distance === 0 ? 1 : 0, 0, 0)) return 0;
    const isBelow = model.code(coder, distance < 0 ? 1 : 0, 1, 1);
    const size = Math.abs(distance);
    for (let n = 1; n < farthest; n++) {
      const at = 2 + isBelow * 30 + n;
      if (model.code(coder, size === n ? 1 : 0, at, at)) return isBelow ? -n : n;
    }
    const coded = farthest + codeBits(coder, size - farthest, 8, this.#escape, 0);
    return isBelow ? -coded : coded;
  }
}

/** Least squares of a channel, with the slope that is expected as one more point. */
function fitted(squares: Float64Array, products: Float64Array, channel: number, slope: number): number {
  return ((products[channel] as number) + slope * inherited) / ((squares[channel] as number) + inherited);
}

function clipped(distance: number): number {
  return distance < -2 ? 0 : distance > 2 ? 4 : distance + 2;
}
