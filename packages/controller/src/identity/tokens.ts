import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '@covey/ports';
import { CoveyError, type EnrolmentToken } from '@covey/protocol';
import type { Db, TokensTable } from '../storage/index.ts';

const secretBytes = 32;
const idBytes = 9;

export type TokenRow = Omit<TokensTable, 'uses'> & { uses: number };

/** `<id>.<random>`: the id finds the row, the whole is compared by hash in constant time. */
export function createSecret(random: Random): { id: string; secret: string; secretHash: string } {
  const id = Buffer.from(random.bytes(idBytes)).toString('base64url');
  const secret = `${id}.${Buffer.from(random.bytes(secretBytes)).toString('base64url')}`;
  return { id, secret, secretHash: hashOf(secret).toString('hex') };
}

export function encodeToken(token: EnrolmentToken): string {
  return `covey1.${Buffer.from(JSON.stringify(token)).toString('base64url')}`;
}

/** The token of a secret. Errors: TOKEN_UNKNOWN, TOKEN_EXPIRED; whether it has uses left is the caller's to say. */
export async function findToken(db: Db, secret: string, now: number): Promise<TokenRow> {
  const [id = ''] = secret.split('.');
  const row = await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || !timingSafeEqual(Buffer.from(row.secret_hash, 'hex'), hashOf(secret)))
    throw new CoveyError('TOKEN_UNKNOWN', 'this controller made no such enrolment token');
  if (now >= row.expires_at)
    throw new CoveyError(
      'TOKEN_EXPIRED',
      `the enrolment token expired at ${new Date(row.expires_at).toISOString()}`,
    );
  return row;
}

/** Takes one use; atomic by the condition in the statement. Errors: TOKEN_USED. */
export async function takeUse(db: Db, id: string): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('tokens')
    .set((column) => ({ uses: column('uses', '+', 1) }))
    .where('id', '=', id)
    .whereRef('uses', '<', 'max_uses')
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) throw new CoveyError('TOKEN_USED', 'the enrolment token has no use left');
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
