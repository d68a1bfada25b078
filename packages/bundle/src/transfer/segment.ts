import { FloatModel } from './floats.ts';
import { LevelModel } from './levels.ts';
import { OctetModel } from './octets.ts';
import { codePlain } from './plain.ts';
import type { BitCoder } from './range-coder.ts';
import type { Span } from './spans.ts';
import { StepModel } from './steps.ts';

/** What is learned in one segment, made as far as it is needed. */
export class SegmentModels {
  #steps: StepModel | undefined;
  #floats: FloatModel | undefined;
  #levels: LevelModel | undefined;
  #octets: OctetModel | undefined;

  /**
   * Codes what a span covers of `target`, the segment's bytes, from `at` on; a writer reads it, a reader fills it.
   * `base`: the bytes of the span's base range.
   */
  code(coder: BitCoder, span: Span, target: Uint8Array, at: number, base: Uint8Array): void {
    const end = at + span.sizeBytes;
    const own = target.subarray(at, end);
    switch (span.kind) {
      case 'copy':
        own.set(base);
        return;
      case 'steps':
        this.#steps ??= new StepModel();
        this.#steps.code(coder, own, base, span);
        return;
      case 'words':
        this.#floats ??= new FloatModel();
        this.#floats.code(coder, own, span);
        return;
      case 'levels':
        this.#levels ??= new LevelModel();
        this.#levels.code(coder, own, base, span);
        return;
      case 'bytes':
        this.#octets ??= new OctetModel(target.byteLength);
        this.#octets.code(coder, target, at, end, base);
        return;
      case 'plain':
        codePlain(coder, own, span);
        return;
    }
  }
}
