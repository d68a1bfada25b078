import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { FastifyRequest } from 'fastify';
import { createAllowance } from './allowance.ts';

const failuresPerMinute = 30;

/**
 * Checks the bearer token of a request to /v1. The comparison takes the same time whatever is sent. An address that guesses
 * is told to wait, but the right token always passes: nobody can lock out others behind their address. Errors:
 * UNAUTHENTICATED, OVERLOADED.
 */
export function bearerCheck({ clock, token }: { clock: Clock; token: string }) {
  const expected = createHash('sha256').update(token).digest();
  const failures = createAllowance({ clock, perMinute: failuresPerMinute });
  return async (request: FastifyRequest): Promise<void> => {
    const [, given] = /^Bearer ([\x21-\x7e]{1,512})$/.exec(request.headers.authorization ?? '') ?? [];
    const digest = createHash('sha256')
      .update(given ?? '')
      .digest();
    if (given !== undefined && timingSafeEqual(digest, expected)) return;
    if (failures.isExhausted(request.ip))
      throw new CoveyError('OVERLOADED', `${request.ip} sent too many wrong tokens; wait a minute`);
    failures.spend(request.ip);
    throw new CoveyError(
      'UNAUTHENTICATED',
      given === undefined
        ? 'the request carries no bearer token'
        : 'the bearer token is not the one of this controller',
    );
  };
}
