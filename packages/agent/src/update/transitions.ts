import type { Desired, MirrorEvidence, ProbeResult, UpdateState } from '@covey/protocol';
import { judgeSoak, totalEvidence } from './soak.ts';
import {
  type Choice,
  changedModels,
  comparedModels,
  type Held,
  noAttempt,
  type SettledRelease,
  type Update,
} from './state.ts';

/** Longest stay in each state; in the soak the policy's own bound holds. Every path ends within the sum of these. */
const bounds = {
  downloadMs: 24 * 3_600_000,
  verifyMs: 30 * 60_000,
  probeMs: 10 * 60_000,
  activateMs: 2 * 60_000,
  revertMs: 2 * 60_000,
  /** In all, of one generation: a window of maintenance may be a month away. */
  holdMs: 32 * 24 * 3_600_000,
  /** What waits for nothing that is known asks again after this. */
  holdRetryMs: 60_000,
  retryBaseMs: 1_000,
  retryCapMs: 10 * 60_000,
  restarts: 3,
  soakDeaths: 2,
} as const;

const reasonChars = 1_000;

function because(update: Update, code: string, message: string): Update {
  return { ...update, reason: { code, message: message.slice(0, reasonChars) } };
}

function enter(update: Update, state: UpdateState, deadlineAt: number | null): Update {
  return { ...update, state, deadlineAt, retryAt: null, held: null };
}

/** Takes up `desired`: what is committed already needs nothing more. */
export function begin(update: Update, desired: Desired, now: number): Update {
  const fresh: Update = {
    ...update,
    ...noAttempt,
    accepted: Math.max(update.accepted, desired.generation),
    desired,
  };
  if (update.committed?.release.id === desired.release.id) return enter(fresh, 'committed', null);
  return download({ ...fresh, fetchBy: now + bounds.downloadMs });
}

function download(update: Update): Update {
  return enter(update, 'downloading', update.fetchBy);
}

export function wait(update: Update, desired: Desired): Update {
  return { ...update, accepted: desired.generation, waiting: desired };
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
    retryAt: Math.max(now, why.until ?? now + bounds.holdRetryMs),
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

/** Judges a probe of every changed model: one without a good variant stops the release. */
export function judgeProbe(update: Update, results: ProbeResult[], now: number): Update {
  const next = { ...update, probe: results };
  const unfit = changedModels(update).find((ref) => !choiceFrom(results, ref.model, ref.version));
  if (!unfit) return activate(next, results, now);
  const reasons = results
    .filter((result) => result.model === unfit.model)
    .map((result) => `${result.variant}: ${result.reason ?? 'no reason given'}`);
  const message = `${unfit.model} ${unfit.version} has no variant that works here (${reasons.join('; ') || 'none was measured'})`;
  return reasons.some((reason) => reason.includes('GOLDEN_MISMATCH'))
    ? giveUp(next, 'GOLDEN_MISMATCH', message)
    : reject(next, 'BUNDLE_INCOMPATIBLE', message);
}

function choiceFrom(results: ProbeResult[], model: string, version: string): ProbeResult | undefined {
  return results.find(
    (result) => result.model === model && result.version === version && result.ok && result.chosen,
  );
}

function activate(update: Update, results: ProbeResult[], now: number): Update {
  const choices = (update.desired?.release.models ?? []).flatMap((ref): Choice[] => {
    const kept = update.committed?.choices.find((choice) => choice.ref.bundle === ref.bundle);
    const chosen = kept ?? choiceFrom(results, ref.model, ref.version);
    if (!chosen) return [];
    const { variant, provider, threads } = chosen;
    return [{ ref, variant, provider, ...(threads !== undefined && { threads }) }];
  });
  return { ...enter(update, 'activating', now + bounds.activateMs), choices, deaths: 0 };
}

export function soak(update: Update, now: number): Update {
  if (changedModels(update).length === 0) return commit(update, 'proven');
  return enter(update, 'soaking', now + (update.desired?.soak.maxDurationMs ?? 0));
}

export function weigh(update: Update, evidence: MirrorEvidence[], now: number): Update {
  if (!update.desired) return update;
  const judged = changedModels(update).map((ref) => ref.model);
  const compared = new Set(comparedModels(update).map((choice) => choice.ref.model));
  const next = { ...update, evidence: totalEvidence(evidence.filter((seen) => judged.includes(seen.model))) };
  const verdict = judgeSoak(evidence, update.desired.soak, judged, compared);
  if (verdict.verdict === 'fail') return revert(next, 'SOAK_FAILED', verdict.message, now);
  return verdict.verdict === 'pass' ? commit(next, 'proven') : next;
}

/** Too little evidence in the bounded time: the golden vectors decide, and the result is called unproven. */
export function replay(update: Update, now: number): Update {
  return { ...enter(update, 'soaking', now + bounds.probeMs), isReplaying: true };
}

export function judgeReplay(update: Update, results: ProbeResult[], now: number): Update {
  const isGood = (choice: Choice) =>
    results.some(
      (result) => result.model === choice.ref.model && result.variant === choice.variant && result.ok,
    );
  const changed = new Set(changedModels(update).map((ref) => ref.bundle));
  const bad = update.choices?.find((choice) => changed.has(choice.ref.bundle) && !isGood(choice));
  if (!bad) return commit(update, 'unproven');
  const reason = results.find((result) => result.model === bad.ref.model)?.reason ?? 'it was not measured';
  return revert(update, 'GOLDEN_MISMATCH', `${bad.ref.model} ${bad.ref.version}: ${reason}`, now);
}

function commit(update: Update, proof: SettledRelease['proof']): Update {
  if (!update.desired) return update;
  const securityCounters = { ...update.securityCounters };
  for (const [model, counter] of Object.entries(update.candidateCounters)) {
    securityCounters[model] = Math.max(counter, securityCounters[model] ?? 0);
  }
  return {
    ...enter(update, 'committed', null),
    previous: update.committed,
    committed: { release: update.desired.release, choices: update.choices ?? [], proof },
    securityCounters,
    choices: null,
    isReplaying: false,
    reason: null,
  };
}

/** The agent started again with the candidate verified: bounded, so that a candidate that takes the device down loses. */
export function restart(update: Update, now: number): Update {
  const next = { ...update, restarts: update.restarts + 1 };
  if (next.restarts <= bounds.restarts) {
    return next.state === 'activating' ? { ...next, deadlineAt: now + bounds.activateMs } : next;
  }
  const message = `the device started ${next.restarts} times while it was ${next.state}`;
  return next.state === 'activating' || next.state === 'soaking'
    ? revert(next, 'CRASH_LOOP', message, now)
    : giveUp(next, next.state === 'probing' ? 'PROBE_CRASHED' : 'CRASH_LOOP', message);
}

export function countDeath(update: Update, now: number): Update {
  const next = { ...update, deaths: update.deaths + 1 };
  if (next.state === 'activating') {
    return revert(next, 'RUNTIME_DIED', 'the runtime died while it loaded the release', now);
  }
  if (next.deaths < bounds.soakDeaths) return next;
  return revert(next, 'RUNTIME_DIED', `the runtime died ${next.deaths} times since activation`, now);
}

export function reverted(update: Update): Update {
  return { ...enter(update, 'reverted', null), choices: null, isReplaying: false };
}
