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

/** Appends an entry; with a `tx` it stands or falls with what it tells of. `detail` is kept as JSON. */
export declare function writeAudit(db: Db, entry: Omit<AuditEntry, 'id'>): Promise<void>;
export declare function queryAudit(db: Db, query: AuditQuery): Promise<AuditPage>;
