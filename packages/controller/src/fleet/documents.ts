import type { Desired, Reported, Sequenced } from '@covey/protocol';
import type { DeviceRow } from './selector.ts';

/** As stored: `now` is added when it is sent. */
export type DesiredDocument = Omit<Desired, 'now'>;
/** The last report with the message it came in: an older one that arrives late must not replace it. */
export type StoredReport = Pick<Sequenced, 'seq' | 'bootId' | 'at'> & { reported: Reported };

/** Documents in the database were checked when they came in. */
export function desiredOf(row: Pick<DeviceRow, 'desired'>): DesiredDocument | null {
  return row.desired === null ? null : (JSON.parse(row.desired) as DesiredDocument);
}

export function reportOf(row: Pick<DeviceRow, 'reported'>): StoredReport | null {
  return row.reported === null ? null : (JSON.parse(row.reported) as StoredReport);
}
