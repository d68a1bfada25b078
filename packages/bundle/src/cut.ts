/** A range of a file in bytes. */
export interface Extent {
  offset: number;
  sizeBytes: number;
}

/** Sizes of chunks: the smallest that content decides, what they have on average, the largest. */
const smallestBytes = 32 * 1024;
const averageBits = 17;
const largestBytes = 512 * 1024;
/** What lies between large tensors is a chunk of its own from this size on; less goes with the tensor behind it. */
const smallestGapBytes = 8 * 1024;
/** Cuts inside a tensor lie at multiples of this from its beginning, so that no element is cut. */
const stepBytes = 8;

/**
 * Where a file is cut into chunks: the end of each, in order. Large tensors begin and end chunks, so that a tensor which
 * stays the same keeps its chunks whatever changes beside it; small ones are grouped with what lies around them. Inside
 * large pieces the content decides (FastCDC: Xia et al., "FastCDC: a fast and efficient content-defined chunking approach
 * for data deduplication", 2016, with normalized chunking), so that what is put in or taken out moves no later cut.
 */
export function cutEnds(bytes: Uint8Array, tensors: readonly Extent[]): number[] {
  const ends: number[] = [];
  let start = 0;
  for (const { offset, sizeBytes } of largeTensors(bytes.byteLength, tensors)) {
    if (offset - start >= smallestGapBytes) {
      cutPiece(bytes, start, start, offset, ends);
      start = offset;
    }
    cutPiece(bytes, start, offset, offset + sizeBytes, ends);
    start = offset + sizeBytes;
  }
  if (start < bytes.byteLength) cutPiece(bytes, start, start, bytes.byteLength, ends);
  return ends;
}

/** Those that are worth chunks of their own, in order; what overlaps or lies outside is passed over. */
function largeTensors(fileBytes: number, tensors: readonly Extent[]): Extent[] {
  let end = 0;
  return tensors
    .toSorted((a, b) => a.offset - b.offset)
    .filter(({ offset, sizeBytes }) => {
      const isLarge = sizeBytes >= smallestBytes && offset >= end && offset + sizeBytes <= fileBytes;
      if (isLarge) end = offset + sizeBytes;
      return isLarge;
    });
}

/** Cuts what begins at `start`; `origin` is where its content begins that decides. */
function cutPiece(bytes: Uint8Array, start: number, origin: number, end: number, ends: number[]): void {
  let from = start;
  let searched = origin;
  while (end - searched > smallestBytes) {
    const cut = nextCut(bytes, searched, end);
    // No crumbs at the end.
    if (end - cut < smallestBytes && end - from <= largestBytes) break;
    ends.push(cut);
    from = cut;
    searched = cut;
  }
  if (from < end) ends.push(end);
}

/** Harder to meet before the average size is reached, easier after it. */
const strict = 32 - (averageBits - 3 + 2);
const loose = 32 - (averageBits - 3 - 2);

function nextCut(bytes: Uint8Array, from: number, end: number): number {
  const last = Math.min(end, from + largestBytes);
  const middle = Math.min(last, from + 2 ** averageBits);
  let hash = 0;
  for (let at = from + smallestBytes; at < last; at += stepBytes) {
    for (let k = 0; k < stepBytes && at + k < last; k++)
      hash = ((hash << 1) + (gear[bytes[at + k] as number] as number)) >>> 0;
    if (hash >>> (at < middle ? strict : loose) === 0) return Math.min(last, at + stepBytes);
  }
  return last;
}

/** A number that looks random for each byte (the finalizer of MurmurHash3). */
const gear = Uint32Array.from({ length: 256 }, (_, byte) => {
  let mixed = byte + 1;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ 0x5bd1e995, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
});
