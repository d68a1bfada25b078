import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '@covey/ports';
import { CoveyError, type EnrolmentToken, type Tags } from '@covey/protocol';
import type { Selectable } from 'kysely';
import { writeAudit } from '../audit/index.ts';
import type { Db, Storage, TokensTable } from '../storage/index.ts';

const secretBytes = 32;
const idBytes = 9;
const listMax = 1_000;

export type TokenRow = Selectable<TokensTable>;

/** An enrolment token as it may be shown: nobody can enrol by it. */
export interface TokenView {
  id: string;
  tags: Tags;
  maxUses: number;
  uses: number;
  createdAt: number;
  createdBy: string;
  expiresAt: number;
  revokedAt: number | null;
}

/** `<id>.<random>`: the id finds the row, the whole is compared by hash in constant time. */
export function createSecret(random: Random): { id: string; secret: string; secretHash: string } {
  // In hex: one that begins with a dash would be taken for an option.
  const id = Buffer.from(random.bytes(idBytes)).toString('hex');
  const secret = `${id}.${Buffer.from(random.bytes(secretBytes)).toString('base64url')}`;
  return { id, secret, secretHash: hashOf(secret).toString('hex') };
}

export function encodeToken(token: EnrolmentToken): string {
  return `covey1.${Buffer.from(JSON.stringify(token)).toString('base64url')}`;
}

/** The token of a secret. Errors: TOKEN_UNKNOWN, TOKEN_REVOKED, TOKEN_EXPIRED; whether it has uses left is the caller's to say. */
export async function findToken(db: Db, secret: string, now: number): Promise<TokenRow> {
  const [id = ''] = secret.split('.');
  const row = await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || !timingSafeEqual(Buffer.from(row.secret_hash, 'hex'), hashOf(secret)))
    throw new CoveyError('TOKEN_UNKNOWN', 'this controller made no such enrolment token');
  if (row.revoked_at !== null) throw new CoveyError('TOKEN_REVOKED', 'the enrolment token was revoked');
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

/** Newest first. */
export async function listTokens(db: Db): Promise<TokenView[]> {
  const rows = await db
    .selectFrom('tokens')
    .selectAll()
    .orderBy('created_at', 'desc')
    .limit(listMax)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    tags: JSON.parse(row.tags) as Tags,
    maxUses: row.max_uses,
    uses: row.uses,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }));
}

/** Nobody enrols by it from now on; who did stays enrolled. Errors: NOT_FOUND. */
export async function revokeToken(
  storage: Storage,
  id: string,
  { actor, now }: { actor: string; now: number },
): Promise<void> {
  await storage.transaction(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('tokens')
      .set({ revoked_at: now })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows !== 1n) throw new CoveyError('NOT_FOUND', `there is no token ${id} to revoke`);
    await writeAudit(tx, { at: now, actor, action: 'token.revoke', subject: `token:${id}`, detail: null });
  });
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
