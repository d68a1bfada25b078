import { createHash } from 'node:crypto';

/** Where software of the agent lies: as the device was installed, and two places for what came since. */
export const slotNames = ['installed', 'a', 'b'] as const;
export type SlotName = (typeof slotNames)[number];

/** What the launcher starts: it counts a start of the trial down before it makes it, and goes back to `slot` when none is left. */
export interface BootRecord {
  slot: SlotName;
  trial: { slot: SlotName; startsLeft: number } | null;
}

/** Starts that a trial gets until it is taken for broken. */
export const trialStarts = 3;

const format = 'covey-boot/1';
export const firstRecord: BootRecord = { slot: 'installed', trial: null };

/** One line of words for a shell to read: format, slot, trial or `-`, starts left, and the SHA-256 of the words before it. */
export function encodeBootRecord({ slot, trial }: BootRecord): Uint8Array {
  const words = `${format} ${slot} ${trial?.slot ?? '-'} ${trial?.startsLeft ?? 0}`;
  return Buffer.from(`${words} ${sha256(words)}\n`);
}

/** Absent or damaged: what the device was installed with starts, as the launcher has it too. */
export function parseBootRecord(bytes: Uint8Array | undefined): BootRecord {
  const line = /^((\S+) (\S+) (\S+) (\d{1,3})) ([0-9a-f]{64})\n$/.exec(Buffer.from(bytes ?? []).toString());
  const [, words = '', found, slot, trial, startsLeft, digest] = line ?? [];
  if (digest !== sha256(words) || found !== format || !isSlot(slot)) return firstRecord;
  return { slot, trial: isSlot(trial) ? { slot: trial, startsLeft: Number(startsLeft) } : null };
}

function isSlot(name: string | undefined): name is SlotName {
  return slotNames.some((slot) => slot === name);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
