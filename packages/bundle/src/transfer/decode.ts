import { corrupt, segmentLimit, type TransferSegment } from './format.ts';
import { NumberModel } from './numbers.ts';
import { BitReader } from './range-coder.ts';
import { SegmentModels } from './segment.ts';
import { codeSpans } from './spans.ts';

/** Gives `sizeBytes` bytes of the base file from `offset` on; the range lies inside the file. */
export type ReadBase = (offset: number, sizeBytes: number) => Uint8Array | Promise<Uint8Array>;

const none = new Uint8Array(0);

/**
 * The chunks that a segment holds, one after the other. `bytes` is the segment as it lies in the transfer; `readBase` is
 * asked for at most 2 MiB, all before the work, which then takes the thread for 0.01 (noise) to 2 s (text) a MiB. What comes out is
 * worth nothing before each chunk is found to have its digest: another base, or damaged bytes, decode to something, too.
 * Errors: BUNDLE_CORRUPT, those of `readBase`.
 */
export async function decodeSegment(
  segment: TransferSegment,
  bytes: Uint8Array,
  baseBytes: number,
  readBase: ReadBase,
): Promise<Uint8Array> {
  const { targetBytes } = segment;
  if (bytes.byteLength !== segment.sizeBytes || bytes.byteLength > segmentLimit(targetBytes))
    throw corrupt('a segment has not the size that its header says');
  const reader = new BitReader(bytes);
  const spans = codeSpans(reader, new NumberModel(), [], { ...segment, baseBytes });
  const bases: Uint8Array[] = [];
  for (const span of spans) {
    const { offset, sizeBytes } = 'base' in span ? span.base : { offset: 0, sizeBytes: 0 };
    const base = sizeBytes === 0 ? none : await readBase(offset, sizeBytes);
    if (base.byteLength !== sizeBytes) throw corrupt('the base is shorter than it was');
    bases.push(base);
  }
  const target = new Uint8Array(targetBytes);
  const models = new SegmentModels();
  let at = 0;
  for (const [i, span] of spans.entries()) {
    models.code(reader, span, target, at, bases[i] ?? none);
    at += span.sizeBytes;
  }
  reader.finish();
  return target;
}
