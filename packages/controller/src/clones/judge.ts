/** Starts of a device's agent that are remembered. */
export const bootsKept = 32;
/** A second time within this, an outbox that goes back is no mishap of a disk. */
const repeatMs = 30 * 86_400_000;

/** What is known of a device when a birth of it comes. */
export interface History {
  /** Starts of its agent in the order in which they were first heard of. */
  boots: readonly string[];
  /** Sequence numbers received go up to here. */
  upTo: number;
  /** When its outbox went back the last time. */
  wentBackAt: number | null;
}

export interface Judgement {
  /** Two machines use the identity, or two states of one. */
  clone: { evidence: 'returned-boot' | 'sequence-back'; message: string } | null;
  /** Its outbox has lost what it knew: a lost disk, a restored backup, or the first sign of a copy. */
  wentBack: boolean;
}

/**
 * An agent draws a boot id when it starts, and one machine never runs two: the lock on the data folder sees to that. So a
 * boot id that comes back after another one has begun is of a second machine, however connections break and are made again.
 * Copies that are never on at the same time are told by their outboxes: each gives sequence numbers that the other gave.
 */
export function judgeBirth(
  { boots, upTo, wentBackAt }: History,
  { bootId, nextSeq }: { bootId: string; nextSeq: number },
  now: number,
): Judgement {
  const isReturned = boots.includes(bootId) && boots.at(-1) !== bootId;
  const wentBack = !boots.includes(bootId) && nextSeq <= upTo;
  if (isReturned)
    return {
      wentBack,
      clone: {
        evidence: 'returned-boot',
        message: 'two agents take turns at the connection: an earlier start came back after a later one',
      },
    };
  if (wentBack && wentBackAt !== null && now - wentBackAt < repeatMs)
    return {
      wentBack,
      clone: {
        evidence: 'sequence-back',
        message: 'its messages were numbered anew from an earlier state, not for the first time',
      },
    };
  return { wentBack, clone: null };
}
