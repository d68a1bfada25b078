import type { Sequenced } from '@covey/protocol';

/** What has arrived from one device: everything up to `upTo` but for `missing` (ascending). Immutable. */
export interface Sequences {
  readonly upTo: number;
  readonly missing: readonly number[];
  /** Of the last birth; null after a death, so that a device which is heard without a new birth is asked for one. */
  readonly bootId: string | null;
  /** The device is to be asked for a birth. */
  readonly rebirth: boolean;
}

export interface Step {
  readonly next: Sequences;
  /** Has arrived before, or was given up: it has no effect again. */
  readonly isDuplicate: boolean;
  /** Sequence numbers that are waited for no longer because too many were missing. */
  readonly lost: number;
}

/** `missing` of a receipt has room for so many; of more, the oldest are given up and counted. */
const missingLimit = 1_000;

export const noSequences: Sequences = { upTo: 0, missing: [], bootId: null, rebirth: false };

/** A sequenced message came. A new gap or an unknown boot makes the controller ask for a birth. */
export function received(before: Sequences, { seq, bootId }: Pick<Sequenced, 'seq' | 'bootId'>): Step {
  const rebirth = before.rebirth || bootId !== before.bootId;
  if (seq > before.upTo) {
    const { missing, lost } = withGap(before, seq);
    const next = { ...before, upTo: seq, missing, rebirth: rebirth || seq > before.upTo + 1 };
    return { next, isDuplicate: false, lost };
  }
  const isDuplicate = !before.missing.includes(seq);
  const missing = isDuplicate ? before.missing : before.missing.filter((other) => other !== seq);
  return { next: { ...before, missing, rebirth }, isDuplicate, lost: 0 };
}

/** The device says that it threw away everything from `from` to `to` unsent: waited for no longer. */
export function dropped(before: Sequences, from: number, to: number): Sequences {
  const isBeyond = to > before.upTo;
  const { missing } = isBeyond ? withGap(before, Math.max(from, before.upTo + 1)) : before;
  return {
    ...before,
    upTo: Math.max(before.upTo, to),
    missing: missing.filter((seq) => seq < from || seq > to),
  };
}

/**
 * A connection begins with a birth. When its next sequence number has been received already, the device lost its outbox and
 * counts anew: what was known of the numbers from there on is void.
 */
export function born(before: Sequences, bootId: string, nextSeq: number): Sequences {
  const restarted = nextSeq <= before.upTo;
  return {
    upTo: restarted ? nextSeq - 1 : before.upTo,
    missing: restarted ? before.missing.filter((seq) => seq < nextSeq) : before.missing,
    bootId,
    rebirth: false,
  };
}

/** The connection has ended. */
export function died(before: Sequences): Sequences {
  return { ...before, bootId: null };
}

/** Everything after `upTo` and before `seq` is missing now. Its cost does not depend on the width of the gap. */
function withGap({ upTo, missing }: Sequences, seq: number): { missing: number[]; lost: number } {
  const from = Math.max(upTo + 1, seq - missingLimit);
  const gap = Array.from({ length: seq - from }, (_, index) => from + index);
  const kept = [...missing, ...gap].slice(-missingLimit);
  return { missing: kept, lost: missing.length + (seq - upTo - 1) - kept.length };
}
