import { corrupt } from './format.ts';
import { codeBit, newCells } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';

const treeBits = 6;
const kinds = 16;

/** Codes the whole numbers that describe spans: how long one is, by an adaptive tree per kind, then its bits as they are. */
export class NumberModel {
  readonly #cells = newCells(kinds << treeBits);

  /** A number from 0 to 2^52, `kind` below 16. Errors: BUNDLE_CORRUPT beyond. */
  code(coder: BitCoder, value: number, kind: number): number {
    let rest = value + 1;
    let bits = 0;
    for (; rest >= 2; rest = Math.floor(rest / 2)) bits++;
    let node = 1;
    for (let k = treeBits - 1; k >= 0; k--)
      node = (node << 1) | codeBit(coder, (bits >>> k) & 1, this.#cells, (kind << treeBits) + node, 30);
    const length = node - (1 << treeBits);
    if (length > 52) throw corrupt('a number is too large');
    let coded = 1;
    for (let k = length - 1; k >= 0; k--)
      coded = coded * 2 + coder.code(Math.floor((value + 1) / 2 ** k) % 2, 32_768);
    return coded - 1;
  }

  /** As `code`, of either sign. */
  codeSigned(coder: BitCoder, value: number, kind: number): number {
    const folded = this.code(coder, value < 0 ? -2 * value - 1 : 2 * value, kind);
    return folded % 2 === 1 ? -(folded + 1) / 2 : folded / 2;
  }
}
