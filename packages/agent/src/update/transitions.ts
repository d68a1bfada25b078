import type { Desired, ProbeResult } from '@covey/protocol';
import { advanceDeadMan, steady } from '../deadman/index.ts';
import { because, blame, bounds, enter, giveUp, reject } from './endings.ts';
import { choiceFrom, judgeProbe, measuredOf } from './judge-probe.ts';
import { pardon, penaltyOn } from './penalties.ts';
import {
  type Choice,
  changedModels,
  changesSoftware,
  type Held,
  noAttempt,
  type Update,
  wantedSoftware,
} from './state.ts';

/**
 * Takes up `desired`: what is committed already needs nothing more. What failed here lately waits until its penalty is over,
 * unless it is forced.
 */
export function begin(update: Update, desired: Desired, now: number): Update {
  const wanted = desired.release.models.map(({ bundle }) => bundle);
  const fresh: Update = {
    ...update,
    ...noAttempt,
    accepted: Math.max(update.accepted, desired.generation),
    desired,
    penalties: desired.force ? pardon(update.penalties, wanted) : update.penalties,
  };
  if (update.committed?.release.id === desired.release.id) return enter(fresh, 'committed', null);
  const first = download({ ...fresh, fetchBy: now + bounds.downloadMs });
  const penalty = penaltyOn(
    fresh.penalties,
    changedModels(first).map(({ bundle }) => bundle),
    now,
  );
  if (!penalty) return first;
  const { bundle, failures, until } = penalty;
  const ref = desired.release.models.find((model) => model.bundle === bundle);
  const message = `${ref?.model} ${ref?.version} failed here ${failures === 1 ? 'once' : `${failures} times`} lately; a rollout with --force tries it at once`;
  return hold(first, 'downloading', { code: 'RECENTLY_FAILED', message, until }, now);
}

function download(update: Update): Update {
  return enter(update, 'downloading', update.fetchBy);
}

export function wait(update: Update, desired: Desired): Update {
  return { ...update, accepted: desired.generation, waiting: desired };
}

/** How a step ended that did not do its work. `jitter` is in [0, 1). */
export interface Failure {
  code: string;
  message: string;
  jitter: number;
  progressed: boolean;
}

/** Full jitter: rand(0, min(cap, base * 2^n)). */
export function retryDownload(update: Update, failure: Failure, now: number): Update {
  const { code, message, jitter, progressed } = failure;
  const exponent = progressed ? 0 : Math.min(update.failuresInRow, 30);
  const ceilingMs = Math.min(bounds.retryCapMs, bounds.retryBaseMs * 2 ** exponent);
  return {
    ...download(because(update, code, message)),
    attempts: update.attempts + 1,
    failuresInRow: exponent + 1,
    retryAt: now + Math.ceil(jitter * ceilingMs),
  };
}

/** The wait of a failed download is over. */
export function retry(update: Update): Update {
  return { ...update, retryAt: null };
}

/** Why the work of `from` may not go on now. `until`: when it is asked for again; null: soon, nobody knows. */
export interface Hold {
  code: string;
  message: string;
  until: number | null;
}

/** Waits, which is no failure: what is interrupted keeps the time it had left. */
export function hold(update: Update, from: Held['from'], why: Hold, now: number): Update {
  return {
    ...enter(because(update, why.code, why.message), 'deferred', now + bounds.holdMs - update.heldMs),
    held: { from, since: now, deadlineAt: update.deadlineAt },
    attempts: update.attempts + 1,
    // A time that is past already comes from another clock than this one.
    retryAt: why.until !== null && why.until > now ? why.until : now + bounds.holdRetryMs,
  };
}

/** Back to where it came from. */
export function resume(update: Update, now: number): Update {
  if (!update.held) return update;
  const { from, since, deadlineAt } = update.held;
  const pausedMs = now - since;
  const later = (at: number | null) => at && at + pausedMs;
  return {
    ...enter(update, from, later(deadlineAt)),
    fetchBy: later(update.fetchBy),
    heldMs: update.heldMs + pausedMs,
    reason: null,
  };
}

export function verify(update: Update, now: number): Update {
  return { ...enter(update, 'verifying', now + bounds.verifyMs), reason: null };
}

export function probe(update: Update, counters: Record<string, number>, now: number): Update {
  const blocked = Object.entries(counters).find(
    ([model, counter]) => counter < (update.securityCounters[model] ?? 0),
  );
  if (blocked) {
    const [model, counter] = blocked;
    const message = `${model} has security counter ${counter}, this device has committed ${update.securityCounters[model]}`;
    return reject(update, 'SECURITY_COUNTER', message);
  }
  const next = { ...update, candidateCounters: counters };
  // Nothing new to load: an unchanged model keeps the variant it was given.
  if (changedModels(update).length === 0) return activate(next, [], now);
  return enter(next, 'probing', now + bounds.probeMs);
}

export function weighProbe(update: Update, results: ProbeResult[], now: number): Update {
  const next = { ...update, probe: results };
  const judged = judgeProbe(update, results);
  if (judged.verdict === 'pass') return activate(next, results, now);
  const blamed = blame(next, now, [judged.bundle]);
  return judged.verdict === 'unfit'
    ? reject(blamed, judged.code, judged.message)
    : giveUp(blamed, judged.code, judged.message);
}

function activate(update: Update, results: ProbeResult[], now: number): Update {
  const choices = (update.desired?.release.models ?? []).flatMap((ref): Choice[] => {
    const kept = update.committed?.choices.find((choice) => choice.ref.bundle === ref.bundle);
    if (kept) return [{ ...kept, ref }];
    const chosen = choiceFrom(results, ref.model, ref.version);
    if (!chosen) return [];
    const { variant, provider, threads } = chosen;
    const measured = measuredOf(chosen);
    return [{ ref, variant, provider, ...(threads !== undefined && { threads }), measured }];
  });
  const next = { ...enter(update, 'activating', now + bounds.activateMs), choices, deaths: 0 };
  const software = changesSoftware(next) ? (wantedSoftware(next) ?? 'installed') : null;
  return software === null
    ? next
    : { ...next, deadMan: advanceDeadMan(steady, { kind: 'tried', id: software }) };
}
