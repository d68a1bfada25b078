import type { FastifyReply } from 'fastify';
import { parseRange } from './range.ts';

/** Bytes, or the part of them that a Range header asks for (RFC 9110, 14). */
export function sendRange(reply: FastifyReply, bytes: Uint8Array, header: string | undefined): FastifyReply {
  const range = parseRange(header, bytes.byteLength);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  reply.header('accept-ranges', 'bytes').type('application/octet-stream');
  if (range === undefined) return reply.send(body);
  if (range === 'unsatisfiable') return unsatisfiable(reply, bytes.byteLength);
  const { start, end } = range;
  return reply
    .code(206)
    .header('content-range', `bytes ${start}-${end - 1}/${bytes.byteLength}`)
    .send(body.subarray(start, end));
}

/** What is kept for ever is what was asked for, not that it was asked for wrongly. */
export function unsatisfiable(reply: FastifyReply, sizeBytes: number): FastifyReply {
  return reply.code(416).removeHeader('cache-control').header('content-range', `bytes */${sizeBytes}`).send();
}
