import type { Disk } from '@covey/ports';
import { openSlots } from '../slots/index.ts';
import { initialUpdate, type Update } from '../update/index.ts';

interface LedgerDocument {
  /** Ledger time: unix milliseconds that never go back, whatever the clock does. */
  at: number;
  update: Update;
}

/** The device's one memory of what it runs and what it is about to run. */
export interface Ledger {
  readonly update: Update;
  /** Ledger time of the last write, 0 before the first. */
  readonly at: number;
  /** Slots that were there but damaged when the ledger was opened. */
  readonly damaged: readonly string[];
  /** On the medium when it resolves; on failure the ledger is as before. */
  save(update: Update, at: number): Promise<void>;
}

/**
 * In two slots: a damaged newest one falls back to the one before; with both gone the device starts anew, which the
 * controller sees and mends. Errors: DATA_NEWER (written by a newer Covey), DATA_FOREIGN.
 */
export async function openLedger(disk: Disk, folder: string): Promise<Ledger> {
  const slots = await openSlots<LedgerDocument>(disk, `${folder}/ledger`, 'covey-ledger/1');
  return {
    get update() {
      return slots.document?.update ?? initialUpdate;
    },
    get at() {
      return slots.document?.at ?? 0;
    },
    damaged: slots.damaged,
    save: (update, at) => slots.save({ at, update }),
  };
}
