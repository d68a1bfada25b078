import type { FastifyReply } from 'fastify';
import { parseRange } from './range.ts';

/** Bytes, or the part of them that a Range header asks for (RFC 9110, 14). */
export function sendRange(reply: FastifyReply, bytes: Uint8Array, header: string | undefined): FastifyReply {
  const range = parseRange(header, bytes.byteLength);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  reply.header('accept-ranges', 'bytes').type('application/octet-stream');
  if (range === undefined) return reply.send(body);
  if (range === 'unsatisfiable')
    return reply.code(416).header('content-range', `bytes */${bytes.byteLength}`).send();
  const { start, end } = range;
  return reply
    .code(206)
    .header('content-range', `bytes ${start}-${end - 1}/${bytes.byteLength}`)
    .send(body.subarray(start, end));
}
