import { limits, type UpdateState } from '@covey/protocol';
import { penalize } from './penalties.ts';
import { changedModels, type Update } from './state.ts';

/** Longest stay in each state; in the soak the policy's own bound holds. Every path ends within the sum of these. */
export const bounds = {
  downloadMs: 24 * 3_600_000,
  verifyMs: 30 * 60_000,
  probeMs: 10 * 60_000,
  activateMs: 2 * 60_000,
  revertMs: 2 * 60_000,
  /** In all, of one generation: a window of maintenance may be a month away. */
  holdMs: 32 * 24 * 3_600_000,
  /** What waits for nothing that is known asks again after this, */
  holdRetryMs: 60_000,
  /** and what waits for a time after this at the latest: clocks are set right, and policies change. */
  holdAskMs: 3_600_000,
  retryBaseMs: 1_000,
  retryCapMs: 10 * 60_000,
  restarts: 3,
  soakDeaths: 2,
  /** Starts in a row of which none lived long, with an unproven version. */
  startsInRow: 5,
} as const;

export function because(update: Update, code: string, message: string): Update {
  return { ...update, reason: { code, message: message.slice(0, limits.reasonChars) } };
}

export function enter(update: Update, state: UpdateState, deadlineAt: number | null): Update {
  return { ...update, state, deadlineAt, retryAt: null, held: null };
}

export function reject(update: Update, code: string, message: string): Update {
  return enter(because(update, code, message), 'rejected', null);
}

/** For what never served: nothing has to be taken back. */
export function giveUp(update: Update, code: string, message: string): Update {
  return enter(because(update, code, message), 'reverted', null);
}

/** For what serves, or may: the committed release is applied again. */
export function revert(update: Update, code: string, message: string, now: number): Update {
  return enter(because(update, code, message), 'reverting', now + bounds.revertMs);
}

export function reverted(update: Update): Update {
  return { ...enter(update, 'reverted', null), choices: null, isReplaying: false };
}

/** The candidate failed here by its own doing: `culprits`, or all that is new in it where nobody knows which. */
export function blame(update: Update, now: number, culprits: readonly string[] = []): Update {
  const changed = changedModels(update).map(({ bundle }) => bundle);
  const known = changed.filter((bundle) => culprits.includes(bundle));
  return { ...update, penalties: penalize(update.penalties, known.length > 0 ? known : changed, now) };
}
