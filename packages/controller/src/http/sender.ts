import { Readable } from 'node:stream';
import type { Clock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { FastifyReply } from 'fastify';
import { parseRange } from './range.ts';
import { unsatisfiable } from './send-range.ts';
import type { DeviceServices } from './services.ts';

/** Sends bytes, or the range of them that a header asks for, to one device: as many and as fast as its site and rollout may. */
export type Sender = (
  reply: FastifyReply,
  bytes: Uint8Array,
  range: string | undefined,
) => Promise<FastifyReply>;

/** What goes at a time where there is a pace to keep. */
const partBytes = 16 * 1024;

/**
 * A spent budget is answered with 429 and `Retry-After`. One that is nearly spent, or a long range, with a shorter one
 * (RFC 9110, 15.3.7): whoever asks goes on from there.
 */
export function createSender(services: Pick<DeviceServices, 'delivery' | 'clock'>, device: string): Sender {
  const { delivery, clock } = services;
  return async (reply, bytes, header) => {
    const range = parseRange(header, bytes.byteLength);
    reply.header('accept-ranges', 'bytes').type('application/octet-stream');
    if (range === 'unsatisfiable') return unsatisfiable(reply, bytes.byteLength);
    const isBounded = await delivery.isBounded(device);
    if (isBounded && !range)
      throw new CoveyError('INVALID_DOCUMENT', 'what goes to this device is counted: ask for a range');
    const { start, end } = range ?? { start: 0, end: bytes.byteLength };
    const answer = await delivery.admit(device, end - start);
    if (!('bytes' in answer)) return refuse(reply, answer.message, answer.waitMs);
    const body = Buffer.from(bytes.buffer, bytes.byteOffset + start, answer.bytes);
    if (range)
      reply
        .code(206)
        .header('content-range', `bytes ${start}-${start + body.byteLength - 1}/${bytes.byteLength}`);
    if (!isBounded) return reply.send(body);
    const paced = pace(body, (part) => delivery.paceMs(device, part), clock);
    return reply.header('content-length', body.byteLength).send(Readable.from(paced));
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

async function* pace(
  body: Buffer,
  paceMs: (bytes: number) => Promise<number>,
  clock: Clock,
): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < body.byteLength; offset += partBytes) {
    const part = body.subarray(offset, offset + partBytes);
    const waitMs = await paceMs(part.byteLength);
    if (waitMs > 0) await new Promise<void>((resolve) => clock.setTimer(waitMs, resolve));
    yield part;
  }
}
