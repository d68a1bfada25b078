import type { Clock, Log } from '@covey/ports';
import { toCoveyError } from '@covey/protocol';
import type { Storage } from '../storage/index.ts';
import { writeAudit } from './audit.ts';

/** Writes refusals to the audit log, a bounded number a minute per device; what is above is counted and the count written. */
export interface RefusalAudit {
  /** Returns at once; a failure to write goes to the log. `device` is null when nobody was identified. */
  refused(device: string | null, action: string, detail: Record<string, unknown>): void;
  /** Waits for what is being written. */
  settle(): Promise<void>;
}

const windowMs = 60_000;
const entriesPerWindow = 10;

interface Window {
  written: number;
  suppressed: number;
}

/**
 * Only identities that a certificate proves get a window of their own, so an attacker cannot make windows. At the end of a
 * window with suppressed refusals one more entry, `refusals.suppressed`, carries their count.
 */
export function createRefusalAudit(options: { storage: Storage; clock: Clock; log: Log }): RefusalAudit {
  const { storage, clock, log } = options;
  const windows = new Map<string | null, Window>();
  const writing = new Set<Promise<void>>();
  const write = (device: string | null, action: string, detail: unknown) => {
    const actor = device === null ? 'system' : `device:${device}`;
    const subject = device === null ? 'bus' : `device:${device}`;
    const written: Promise<void> = writeAudit(storage.db, { at: clock.now(), actor, action, subject, detail })
      .catch((error) =>
        log.write('error', 'cannot write to the audit log', { ...toCoveyError(error).toJSON() }),
      )
      .finally(() => writing.delete(written));
    writing.add(written);
  };
  const open = (device: string | null): Window => {
    const window = { written: 0, suppressed: 0 };
    windows.set(device, window);
    clock.setTimer(windowMs, () => {
      windows.delete(device);
      if (window.suppressed > 0) write(device, 'refusals.suppressed', { count: window.suppressed, windowMs });
    });
    return window;
  };
  return {
    refused: (device, action, detail) => {
      const window = windows.get(device) ?? open(device);
      if (window.written < entriesPerWindow) {
        window.written++;
        write(device, action, detail);
      } else window.suppressed++;
    },
    settle: async () => {
      while (writing.size > 0) await Promise.all(writing);
    },
  };
}
