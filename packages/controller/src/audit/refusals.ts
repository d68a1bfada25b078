import type { Clock, Log } from '@covey/ports';
import type { Storage } from '../storage/index.ts';

/** Writes refusals to the audit log, a bounded number a minute per device; what is above is counted and the count written. */
export interface RefusalAudit {
  /** Returns at once; a failure to write goes to the log. `device` is null when nobody was identified. */
  refused(device: string | null, action: string, detail: Record<string, unknown>): void;
  /** Waits for what is being written. */
  settle(): Promise<void>;
}

export declare function createRefusalAudit(options: { storage: Storage; clock: Clock; log: Log }): RefusalAudit;
