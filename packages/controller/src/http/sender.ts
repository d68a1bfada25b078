import { Readable } from 'node:stream';
import type { Clock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { FastifyReply } from 'fastify';
import type { StoredBytes } from '../storage/index.ts';
import { parseRange } from './range.ts';
import { unsatisfiable } from './send-range.ts';
import type { DeviceServices } from './services.ts';

/** Sends bytes, or the range of them that a header asks for, to one device: as many and as fast as its site and rollout may. */
export type Sender = (
  reply: FastifyReply,
  stored: StoredBytes,
  range: string | undefined,
) => Promise<FastifyReply>;

/** What goes at a time where there is a pace to keep, */
const pacedPartBytes = 16 * 1024;
/** and where there is none: what an answer holds in memory, however much is asked for. */
const partBytes = 256 * 1024;

/**
 * A spent budget is answered with 429 and `Retry-After`. One that is nearly spent, or a long range, with a shorter one
 * (RFC 9110, 15.3.7): whoever asks goes on from there.
 */
export function createSender(services: Pick<DeviceServices, 'delivery' | 'clock'>, device: string): Sender {
  const { delivery, clock } = services;
  return async (reply, stored, header) => {
    const { sizeBytes } = stored;
    const range = parseRange(header, sizeBytes);
    reply.header('accept-ranges', 'bytes').type('application/octet-stream');
    if (range === 'unsatisfiable') return unsatisfiable(reply, sizeBytes);
    const isBounded = await delivery.isBounded(device);
    if (isBounded && !range)
      throw new CoveyError('INVALID_DOCUMENT', 'what goes to this device is counted: ask for a range');
    const { start, end: wantedEnd } = range ?? { start: 0, end: sizeBytes };
    const answer = await delivery.admit(device, wantedEnd - start);
    if (!('bytes' in answer)) return refuse(reply, answer.message, answer.waitMs);
    const end = start + answer.bytes;
    if (range) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${sizeBytes}`);
    if (!isBounded && end - start <= partBytes)
      return reply.send(Buffer.from(await stored.read(start, end - start)));
    const parts = isBounded
      ? paced(partsOf(stored, start, end, pacedPartBytes), (part) => delivery.paceMs(device, part), clock)
      : partsOf(stored, start, end, partBytes);
    return reply.header('content-length', end - start).send(Readable.from(parts));
  };
}

function refuse(reply: FastifyReply, message: string, waitMs: number): FastifyReply {
  const error = new CoveyError('BUDGET_SPENT', message);
  return reply
    .removeHeader('cache-control')
    .type('application/json')
    .code(error.status)
    .header('retry-after', Math.ceil(waitMs / 1_000))
    .send(error.toJSON());
}

/** Read when the one before has gone: a device that takes its time holds up nothing but itself. */
async function* partsOf(
  stored: StoredBytes,
  start: number,
  end: number,
  mostBytes: number,
): AsyncGenerator<Uint8Array> {
  for (let offset = start; offset < end; ) {
    const part = await stored.read(offset, Math.min(mostBytes, end - offset));
    if (part.byteLength === 0) throw new CoveyError('DISK_FAILED', `it ends at byte ${offset} of ${end}`);
    yield part;
    offset += part.byteLength;
  }
}

async function* paced(
  parts: AsyncIterable<Uint8Array>,
  paceMs: (bytes: number) => Promise<number>,
  clock: Clock,
): AsyncGenerator<Uint8Array> {
  for await (const part of parts) {
    const waitMs = await paceMs(part.byteLength);
    if (waitMs > 0) await new Promise<void>((resolve) => clock.setTimer(waitMs, resolve));
    yield part;
  }
}
