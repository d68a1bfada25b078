import type { Desired, Reported, Sequenced } from '@covey/protocol';
import type { DeviceRow } from './selector.ts';

/** The last order for one model of a device: the device's own is of all its models, by whoever set the last of them. */
export type ModelOrder = Pick<Desired, 'generation' | 'setBy' | 'setAt'> & { model: string };
/**
 * As stored: `now` is added when it is sent, and `orders` stays here: for each model that is wanted, and for the one that was
 * taken off last.
 */
export type DesiredDocument = Omit<Desired, 'now'> & { orders: ModelOrder[] };
/** The last report with the message it came in: an older one that arrives late must not replace it. */
export type StoredReport = Pick<Sequenced, 'seq' | 'bootId' | 'at'> & { reported: Reported };

/** Documents in the database were checked when they came in. */
export function desiredOf(row: Pick<DeviceRow, 'desired'>): DesiredDocument | null {
  return row.desired === null ? null : (JSON.parse(row.desired) as DesiredDocument);
}

export function reportOf(row: Pick<DeviceRow, 'reported'>): StoredReport | null {
  return row.reported === null ? null : (JSON.parse(row.reported) as StoredReport);
}
