import { segmentsFrom, type Transfer, type TransferSegment } from '@covey/bundle/transfer';
import type { BundleFile } from '@covey/protocol';
import { type NeededBytes, smallFileBytes } from '../delivery/index.ts';

/** A file that is not here, and what of it is. */
export interface Missing {
  file: BundleFile;
  /** Chunks from the first on that have been gathered. */
  gathered: number;
  /** Whether a chunk lies elsewhere on this disk. */
  isLocal: (chunk: BundleFile['chunks'][number]) => boolean;
  /** A file on this device to tell it from; undefined: there is none. */
  base: BundleFile | undefined;
}

/** A transfer that the controller has, `base` undefined: from nothing. `head`: its first bytes, the header and what came with it. */
export interface Offer {
  base: BundleFile | undefined;
  transfer: Transfer;
  head: Uint8Array;
}

/** How a file comes: chunk by chunk, or decoded from a transfer; what lies on the disk is taken from there either way. */
export type Route = { kind: 'chunks' } | ({ kind: 'transfer' } & Offer);

/** Indexes of the chunks that have to come over the network. */
function missingChunks({ file, gathered, isLocal }: Missing): number[] {
  return file.chunks.flatMap((chunk, index) => (index < gathered || isLocal(chunk) ? [] : [index]));
}

/** Segments of which at least one chunk has to come. */
export function neededSegments(missing: Missing, transfer: Transfer): TransferSegment[] {
  const wanted = new Set(missingChunks(missing));
  return segmentsFrom(transfer, missing.gathered).filter(({ firstChunk, chunkCount }) =>
    Array.from({ length: chunkCount }, (_, at) => firstChunk + at).some((index) => wanted.has(index)),
  );
}

/** Bytes of a request and its answer beside the body, about: what makes many small ones dear. */
const requestBytes = 400;

function chunkBytes(missing: Missing): number {
  return missingChunks(missing).reduce((sum, index) => sum + (missing.file.chunks[index]?.sizeBytes ?? 0), 0);
}

/** What is still to come over the network along this route. */
function routeBytes(missing: Missing, route: Route): number {
  if (route.kind === 'chunks') return chunkBytes(missing);
  const segments = neededSegments(missing, route.transfer);
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Whether it is worth asking what transfers there are: a header costs about as much as a small chunk. */
export function asksForTransfers(missing: Missing): boolean {
  return chunkBytes(missing) > requestBytes;
}

/** The cheapest of what there is; a transfer where they are equal, because it is one request. */
export function chooseRoute(missing: Missing, offers: readonly Offer[]): Route {
  const chunks: Route = { kind: 'chunks' };
  const cost = (route: Route) =>
    routeBytes(missing, route) + requestBytes * (route.kind === 'chunks' ? missingChunks(missing).length : 1);
  const routes: Route[] = [...offers.map((offer): Route => ({ kind: 'transfer', ...offer })), chunks];
  return routes.reduce((best, route) => (cost(route) < cost(best) ? route : best));
}

/** What a file costs, told apart as policies do. Whole: more than half of it, not told from anything on the device. */
export function neededFor(missing: Missing, route: Route): NeededBytes {
  const bytes = routeBytes(missing, route);
  const isWhole =
    (route.kind === 'chunks' || !route.base) &&
    missing.file.sizeBytes > smallFileBytes &&
    chunkBytes(missing) * 2 > missing.file.sizeBytes;
  const wholeBytes = isWhole ? bytes : 0;
  return { bytes, wholeBytes, fallbackBytes: missing.base ? wholeBytes : 0 };
}

export function addNeeded(all: readonly NeededBytes[]): NeededBytes {
  const none: NeededBytes = { bytes: 0, wholeBytes: 0, fallbackBytes: 0 };
  return all.reduce(
    (sum, one) => ({
      bytes: sum.bytes + one.bytes,
      wholeBytes: sum.wholeBytes + one.wholeBytes,
      fallbackBytes: sum.fallbackBytes + one.fallbackBytes,
    }),
    none,
  );
}
