import { BlockIndex } from './blocks.ts';
import { groupChunks, type TransferTarget, writeHeader } from './format.ts';
import { NumberModel } from './numbers.ts';
import { planSegment } from './plan.ts';
import { BitWriter } from './range-coder.ts';
import { regionsOf } from './regions.ts';
import { SegmentModels } from './segment.ts';
import { codeSpans, type Span, type WordType } from './spans.ts';

/** Element types that the codec knows; others travel as bytes. */
export type TensorType = WordType | 'int8' | 'uint8' | 'other';

/** A tensor's elements in a file: where they lie, of which type, in which shape. */
export interface TensorRange {
  name: string;
  offset: number;
  sizeBytes: number;
  type: TensorType;
  shape: readonly number[];
}

/** A file in memory, with what is known of its tensors. */
export interface TransferFile {
  bytes: Uint8Array;
  tensors: readonly TensorRange[];
}

const none = new Uint8Array(0);

/** The whole transfer of a file. Deterministic: equal arguments give equal bytes. */
export function encodeTransfer(file: TransferFile, target: TransferTarget, base?: TransferFile): Uint8Array {
  const regions = regionsOf(file, base);
  const blocks = base && new BlockIndex(base.bytes);
  const baseBytes = base?.bytes.byteLength ?? 0;
  const segments: { chunkCount: number; sizeBytes: number; bytes: Uint8Array }[] = [];
  let [chunk, targetOffset] = [0, 0];
  for (const chunkCount of groupChunks(target)) {
    const chunks = target.chunks.slice(chunk, chunk + chunkCount);
    const targetBytes = chunks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const end = targetOffset + targetBytes;
    const spans = planSegment({ file, base, blocks }, regions, targetOffset, end);
    const own = file.bytes.subarray(targetOffset, end);
    const bytes = encodeSegment(own, spans, base?.bytes ?? none, { targetOffset, targetBytes, baseBytes });
    segments.push({ chunkCount, sizeBytes: bytes.byteLength, bytes });
    targetOffset = end;
    chunk += chunkCount;
  }
  return joined([
    writeHeader(file.bytes.byteLength, baseBytes, segments),
    ...segments.map(({ bytes }) => bytes),
  ]);
}

function encodeSegment(
  target: Uint8Array,
  spans: readonly Span[],
  base: Uint8Array,
  around: { targetOffset: number; targetBytes: number; baseBytes: number },
): Uint8Array {
  const writer = new BitWriter();
  codeSpans(writer, new NumberModel(), spans, around);
  const models = new SegmentModels();
  let at = 0;
  for (const span of spans) {
    const { offset, sizeBytes } = 'base' in span ? span.base : { offset: 0, sizeBytes: 0 };
    models.code(writer, span, target, at, base.subarray(offset, offset + sizeBytes));
    at += span.sizeBytes;
  }
  return writer.finish();
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
