import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Log } from '@covey/ports';
import { encodeRunSlot, runSlotBytes } from '@covey/protocol';

/** Where a thread notes that its model runs. */
export interface RunSlot {
  path: string;
  offset: number;
}

/**
 * The file that tells after a death which models were loading or running (see runningBundles in the protocol). Where it
 * cannot be written, as on a full disk, models are served all the same, and a death names nobody.
 */
export interface RunRecord {
  /** A free slot, named after the bundle; undefined where it cannot be written. */
  claim(bundle: string): RunSlot | undefined;
  release(slot: RunSlot): void;
}

/** Starts a new, empty record. */
export function createRunRecord(path: string, log: Log): RunRecord {
  const taken = new Set<number>();
  const tried = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      log.write('warn', `it cannot be noted which models run: ${String(error)}`);
      return false;
    }
  };
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const exists = tried(() => closeSync(openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)));
  return {
    claim: (bundle) => {
      if (!exists) return undefined;
      let offset = 0;
      while (taken.has(offset)) offset += runSlotBytes;
      const slot = { path, offset };
      if (!tried(() => write(slot, encodeRunSlot(bundle, false)))) return undefined;
      taken.add(offset);
      return slot;
    },
    release: (slot) => {
      // Of a thread that was given up, the mark may stand: what runs next in the slot is another bundle.
      tried(() => write(slot, new Uint8Array(runSlotBytes)));
      taken.delete(slot.offset);
    },
  };
}

function write({ path, offset }: RunSlot, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  try {
    writeSync(file, bytes, 0, bytes.byteLength, offset);
  } finally {
    closeSync(file);
  }
}

/** Marks one slot, from the thread that runs the model. One byte into the page cache: it outlives the process, not the power. */
export interface RunMark {
  /** Never fails: what cannot be marked runs unmarked. */
  set(isRunning: boolean): void;
  close(): void;
}

export function openRunMark({ path, offset }: RunSlot): RunMark {
  let file: number | undefined;
  const giveUp = (error: unknown) => {
    file = undefined;
    // A warning of Node's reaches the agent's log by standard error.
    process.emitWarning(`it cannot be noted that the model runs: ${String(error)}`);
  };
  try {
    file = openSync(path, 'r+');
  } catch (error) {
    giveUp(error);
  }
  const marks = [new Uint8Array([0]), new Uint8Array([1])] as const;
  return {
    set: (isRunning) => {
      if (file === undefined) return;
      try {
        writeSync(file, marks[isRunning ? 1 : 0], 0, 1, offset);
      } catch (error) {
        giveUp(error);
      }
    },
    close: () => {
      if (file !== undefined) closeSync(file);
    },
  };
}
