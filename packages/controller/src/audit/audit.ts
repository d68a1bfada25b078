import { CoveyError } from '@covey/protocol';
import type { Db } from '../storage/index.ts';

export interface AuditEntry {
  id: number;
  /** Unix milliseconds. */
  at: number;
  /** `admin`, `device:<id>` or `system`. */
  actor: string;
  /** `<noun>.<verb>`, such as `device.enrol`. */
  action: string;
  /** What it was done to, such as `device:edge-1` or `model:bearing`. */
  subject: string;
  detail: unknown;
}

export interface AuditQuery {
  subject?: string;
  actor?: string;
  /** Only entries with a smaller id: `next` of the page before. */
  before?: number;
  /** 1 to 500. */
  limit: number;
}

export interface AuditPage {
  /** Newest first. */
  entries: AuditEntry[];
  /** `before` of the next page; null on the last one. */
  next: number | null;
}

/** Largest page. */
const pageEntries = 500;

/** Appends an entry; with a `tx` it stands or falls with what it tells of. `detail` is kept as JSON. */
export async function writeAudit(db: Db, entry: Omit<AuditEntry, 'id'>): Promise<void> {
  const detail = JSON.stringify(entry.detail ?? null);
  await db
    .insertInto('audit')
    .values({ ...entry, detail })
    .execute();
}

/** A page of the log. Errors: INVALID_ARGUMENT for a limit outside 1 to 500. */
export async function queryAudit(db: Db, query: AuditQuery): Promise<AuditPage> {
  const { subject, actor, before, limit } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > pageEntries)
    throw new CoveyError('INVALID_ARGUMENT', `limit is ${limit}; 1 to ${pageEntries} is possible`);
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .$if(subject !== undefined, (select) => select.where('subject', '=', subject ?? ''))
    .$if(actor !== undefined, (select) => select.where('actor', '=', actor ?? ''))
    .$if(before !== undefined, (select) => select.where('id', '<', before ?? 0))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const entries = rows.slice(0, limit).map((row): AuditEntry => ({ ...row, detail: JSON.parse(row.detail) }));
  return { entries, next: rows.length > limit ? (entries.at(-1)?.id ?? null) : null };
}
