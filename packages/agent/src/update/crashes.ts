import { blame, bounds, giveUp, revert } from './endings.ts';
import { penalize } from './penalties.ts';
import type { Update } from './state.ts';

/** A start of the agent: how many there have been, and how many in a row of which none lived long. */
export interface Start {
  starts: number;
  inRow: number;
}

/** With nothing new on the device but, perhaps, an unproven version. */
export function noteStart(update: Update, { inRow }: Start, now: number): Update {
  if (inRow < bounds.startsInRow) return update;
  return fallBack(update, 'CRASH_LOOP', `the agent started ${inRow} times in a row and did not last`, now);
}

/** With a candidate verified: bounded, so that one that takes the device down loses. */
export function restart(update: Update, { starts }: Start, now: number): Update {
  const restarts = update.restarts + Math.max(1, starts - (update.starts ?? starts));
  const next = { ...update, starts, restarts };
  // What was under way begins anew, and with it the time that it may take.
  if (restarts <= bounds.restarts) return { ...next, deadlineAt: now + longestStayMs(next) };
  const message = `the device started ${restarts} times while it was ${next.state}`;
  const blamed = blame(next, now);
  return next.state === 'activating' || next.state === 'soaking'
    ? revert(blamed, 'CRASH_LOOP', message, now)
    : giveUp(blamed, next.state === 'probing' ? 'PROBE_CRASHED' : 'CRASH_LOOP', message);
}

function longestStayMs({ state, isReplaying, desired }: Update): number {
  if (state === 'verifying') return bounds.verifyMs;
  if (state === 'probing' || isReplaying) return bounds.probeMs;
  return state === 'activating' ? bounds.activateMs : (desired?.soak.maxDurationMs ?? 0);
}

/** `bundles` were loading or running; empty: nobody knows. */
export function countDeath(update: Update, bundles: readonly string[], now: number): Update {
  const next = { ...update, deaths: update.deaths + 1 };
  if (next.state !== 'activating' && next.deaths < bounds.soakDeaths) return next;
  const message =
    next.state === 'activating'
      ? 'the runtime died while it loaded the release'
      : `the runtime died ${next.deaths} times since activation`;
  return revert(blame(next, now, bundles), 'RUNTIME_DIED', message, now);
}

/**
 * What is committed and unproven turned out to be bad while nothing else is under way: the last good release serves again.
 * The controller takes it as what it is, a version that was taken back late.
 */
function fallBack(update: Update, code: string, message: string, now: number): Update {
  const { committed, lastGood } = update;
  if (committed?.proof !== 'unproven' || !lastGood || lastGood.release.id === committed.release.id)
    return update;
  const good = new Set(lastGood.release.models.map(({ bundle }) => bundle));
  const bad = committed.release.models.map(({ bundle }) => bundle).filter((bundle) => !good.has(bundle));
  const penalties = penalize(update.penalties, bad, now);
  return { ...revert(update, code, message, now), committed: lastGood, previous: null, penalties };
}

/** A version that is committed kept ending the runtime. One that had proven itself is left out for a time; see `fallBack`. */
export function quarantine(update: Update, bundle: string, message: string, now: number): Update {
  const isNew = !update.lastGood?.release.models.some((ref) => ref.bundle === bundle);
  const isServed = update.committed?.release.models.some((ref) => ref.bundle === bundle);
  return isNew && isServed ? fallBack(update, 'RUNTIME_DIED', message, now) : update;
}
