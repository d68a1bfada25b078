import { createHash, timingSafeEqual } from 'node:crypto';

const headerChars = 1_024;

/** SHA-256 of the bearer token in an `authorization` header (RFC 6750, 2.1); undefined where there is none. */
export function tokenDigest(authorization: unknown): Buffer | undefined {
  if (typeof authorization !== 'string' || authorization.length > headerChars) return undefined;
  const token = /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization)?.[1];
  return token === undefined ? undefined : createHash('sha256').update(token).digest();
}

/** The one of `known` whose digest is `digest`. All are compared, so that the time tells nothing. */
export function matching<T extends { digest: Buffer }>(known: readonly T[], digest: Buffer): T | undefined {
  let found: T | undefined;
  for (const one of known) if (timingSafeEqual(one.digest, digest)) found = one;
  return found;
}
