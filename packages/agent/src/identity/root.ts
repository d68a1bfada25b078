import type { Disk } from '@covey/ports';
import { openSlots } from '../slots/index.ts';

const format = 'covey-root/1';

/** The root of trust as it was pinned at enrolment: the same in two files, since nobody could send it again. */
export interface PinnedRoot {
  /** Root metadata as it was received; undefined when both files are lost. */
  readonly bytes: Uint8Array | undefined;
  /** Files that were damaged when this was opened. */
  readonly damaged: readonly string[];
  /** Files that were not there. */
  readonly missing: readonly string[];
  /** Writes a lost file anew from the whole one. Does nothing when both are whole, or none is. */
  restore(): Promise<void>;
}

/** What becomes of a device without it: it serves on, and installs nothing. */
export const rootLost =
  'both copies of the root of trust are lost: nothing is installed until the device is enrolled again with covey enroll --replace';
/** Where the publisher's root was changed since, and the device has kept the new one. */
export const rootLostButLearned =
  'both copies of the root of trust are lost: what is installed is checked by the root that the device has learned since, which it keeps once; enrol it again with covey enroll --replace';

interface RootDocument {
  base64: string;
}

/** In `<folder>/root-a` and `root-b`. Errors: DATA_NEWER, DATA_FOREIGN. */
export async function openRoot(disk: Disk, folder: string): Promise<PinnedRoot> {
  const slots = await openSlots<RootDocument>(disk, `${folder}/root`, format);
  const { document, damaged, missing } = slots;
  return {
    bytes: document && Buffer.from(document.base64, 'base64'),
    damaged,
    missing,
    restore: () => slots.settle(),
  };
}

/** Both files hold `bytes` when it resolves. */
export async function writeRoot(disk: Disk, folder: string, bytes: Uint8Array): Promise<void> {
  const slots = await openSlots<RootDocument>(disk, `${folder}/root`, format);
  await slots.save({ base64: Buffer.from(bytes).toString('base64') });
  await slots.settle();
}
