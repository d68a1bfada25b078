import { CoveyError } from '@covey/protocol';
import type { Fetch, FetchAnswer, FetchRequest } from '../ports.ts';
import type { SimulatedWorld } from './world.ts';

export interface SimulatedFetch {
  fetch: Fetch;
  /** While false nobody answers. */
  isUp: boolean;
  latencyMs: number;
  /** Of one connection. */
  bytesPerSecond: number;
  /** The connection breaks when so many more bytes of bodies have come. */
  breakAfterBytes: number;
  /** Requests answered, in order. */
  served: string[];
  /** Of bodies that reached the other end. */
  bodyBytes: number;
}

/** As the kernel hands them over. */
const partBytes = 16 * 1024;

/**
 * HTTP in memory: `answer` is the other side, which need not know ranges. Bounds on time and size hold as in the real one,
 * and so does the order: a body is taken part by part, each when the one before has been dealt with.
 */
export function simulatedFetch(
  world: SimulatedWorld,
  answer: (request: FetchRequest) => FetchAnswer | Promise<FetchAnswer>,
): SimulatedFetch {
  const wait = (ms: number) => new Promise<void>((resolve) => world.clock.setTimer(ms, resolve));
  const network: SimulatedFetch = {
    isUp: true,
    latencyMs: 5,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    breakAfterBytes: Number.POSITIVE_INFINITY,
    served: [],
    bodyBytes: 0,
    fetch: async (request) => {
      await wait(Math.min(network.latencyMs, request.timeoutMs));
      if (!network.isUp) throw new CoveyError('UNREACHABLE', `cannot reach ${request.url}`);
      if (network.latencyMs > request.timeoutMs) {
        throw new CoveyError('TIMEOUT', `${request.url} did not answer within ${request.timeoutMs} ms`);
      }
      network.served.push(`${request.method} ${request.url}`);
      return handOver(request, await answer(request), async (part) => {
        if (Number.isFinite(network.bytesPerSecond))
          await wait((part.byteLength * 1_000) / network.bytesPerSecond);
        const got = part.subarray(0, network.isUp ? network.breakAfterBytes : 0);
        network.bodyBytes += got.byteLength;
        network.breakAfterBytes -= got.byteLength;
        return got;
      });
    },
  };
  return network;
}

/**
 * Brings the answer of a server that need not know ranges to whoever asked, as the real fetch would. `carry` is the way of
 * each part: the connection breaks where it lets less through.
 */
export async function handOver(
  request: FetchRequest,
  whole: FetchAnswer,
  carry: (part: Uint8Array) => Promise<Uint8Array> = async (part) => part,
): Promise<FetchAnswer> {
  const given = ranged(request, whole);
  const { onPart, maxBytes, url } = request;
  if (given.body.byteLength > maxBytes)
    throw new CoveyError('PAYLOAD_TOO_LARGE', `${url} answers with more than ${maxBytes} bytes`);
  const take = onPart && given.status >= 200 && given.status < 300 ? onPart : undefined;
  for (let offset = 0; offset < given.body.byteLength; offset += partBytes) {
    const part = given.body.subarray(offset, offset + partBytes);
    const carried = await carry(part);
    if (request.signal?.aborted) throw new CoveyError('CANCELLED', 'the exchange was cancelled');
    if (take && carried.byteLength > 0) await take(carried, { status: given.status, headers: given.headers });
    if (carried.byteLength < part.byteLength)
      throw new CoveyError('UNREACHABLE', `the connection to ${url} broke`);
  }
  return take ? { ...given, body: new Uint8Array(0) } : given;
}

/** What a server that knows ranges makes of a whole body: one open or closed range, as Covey asks for. */
function ranged(request: FetchRequest, given: FetchAnswer): FetchAnswer {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers?.range ?? '') ?? [];
  if (given.status !== 200 || first === undefined) return given;
  const sizeBytes = given.body.byteLength;
  const start = Number(first);
  const end = last ? Math.min(sizeBytes, Number(last) + 1) : sizeBytes;
  if (start >= end) {
    const headers = { ...given.headers, 'content-range': `bytes */${sizeBytes}` };
    return { status: 416, headers, body: new Uint8Array(0) };
  }
  const headers = { ...given.headers, 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` };
  return { status: 206, headers, body: given.body.subarray(start, end) };
}
