import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { encodeRunSlot, runSlotBytes } from '@covey/protocol';

/** Where a thread notes that its model runs. */
export interface RunSlot {
  path: string;
  offset: number;
}

/** The file that tells after a death which models were loading or running (see runningBundles in the protocol). */
export interface RunRecord {
  /** A free slot, named after the bundle. */
  claim(bundle: string): RunSlot;
  release(slot: RunSlot): void;
}

/** Starts a new, empty record. Errors: those of the file system. */
export function createRunRecord(path: string): RunRecord {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  closeSync(openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600));
  const taken = new Set<number>();
  const write = (slot: RunSlot, bytes: Uint8Array) => {
    const file = openSync(slot.path, 'r+');
    writeSync(file, bytes, 0, bytes.byteLength, slot.offset);
    closeSync(file);
  };
  return {
    claim: (bundle) => {
      let offset = 0;
      while (taken.has(offset)) offset += runSlotBytes;
      taken.add(offset);
      const slot = { path, offset };
      write(slot, encodeRunSlot(bundle, false));
      return slot;
    },
    release: (slot) => {
      // Of a thread that was given up, the mark may stand: what runs next in the slot is another bundle.
      write(slot, new Uint8Array(runSlotBytes));
      taken.delete(slot.offset);
    },
  };
}

/** Marks one slot, from the thread that runs the model. One byte into the page cache: it outlives the process, not the power. */
export interface RunMark {
  set(isRunning: boolean): void;
  close(): void;
}

export function openRunMark({ path, offset }: RunSlot): RunMark {
  const file = openSync(path, 'r+');
  const marks = [new Uint8Array([0]), new Uint8Array([1])] as const;
  return {
    set: (isRunning) => void writeSync(file, marks[isRunning ? 1 : 0], 0, 1, offset),
    close: () => closeSync(file),
  };
}
