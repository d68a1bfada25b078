import type { Desired, MirrorEvidence, ProbeResult } from '@covey/protocol';
import { advanceDeadMan } from '../deadman/index.ts';
import { blame, bounds, enter, revert } from './endings.ts';
import { pardon } from './penalties.ts';
import { judgeSoak, totalEvidence } from './soak.ts';
import {
  type Choice,
  changedModels,
  comparedModels,
  isReached,
  judgedModels,
  type SettledRelease,
  type Update,
  wantedSoftware,
} from './state.ts';
import { wait } from './transitions.ts';

export function soak(update: Update, now: number): Update {
  if (isPutBack(update)) return putBack(update, now);
  if (judgedModels(update).length === 0 && isReached(update)) return commit(update, 'proven');
  return enter({ ...update, reason: null }, 'soaking', now + (update.desired?.soak.maxDurationMs ?? 0));
}

/** Waits for the end of the soak, but for an order that puts a version before back: it need not see what it ends proven. */
export function supersede(update: Update, desired: Desired, now: number): Update {
  const next = wait(update, desired);
  return isPutBack(next) ? putBack(next, now) : next;
}

/**
 * What waits wants, of a model that changed, what was committed before, or none where none was. Of several models one is enough:
 * they change together, and what nobody wants any more shall not serve on; the others have their soak after it.
 */
function isPutBack(update: Update): boolean {
  const changed = changedModels(update);
  if (update.waiting === null || changed.length === 0) return false;
  const bundlesOf = (release: SettledRelease['release'] | undefined) =>
    new Map(release?.models.map(({ model, bundle }) => [model, bundle]));
  const [wanted, before] = [bundlesOf(update.waiting.release), bundlesOf(update.committed?.release)];
  return changed.some(({ model }) => wanted.get(model) === before.get(model));
}

function putBack(update: Update, now: number): Update {
  return revert(update, 'SUPERSEDED', 'a newer order puts the version before it back', now);
}

/** The controller was reached by the software that runs: `software` is its digest. All that its soak asks of it. */
export function contact(update: Update, software: string | null): Update {
  if (software !== wantedSoftware(update)) return update;
  const deadMan = advanceDeadMan(update.deadMan, { kind: 'contact' });
  if (deadMan === update.deadMan) return update;
  const next = { ...update, deadMan };
  return next.state === 'soaking' && judgedModels(next).length === 0 ? commit(next, 'proven') : next;
}

export function endSoak(update: Update, now: number): Update {
  const deadMan = advanceDeadMan(update.deadMan, { kind: 'timeOver' });
  if (deadMan.state !== 'takenBack') return replay(update, now);
  const message = 'the software of the agent did not reach the controller in the time of its soak';
  return revert({ ...blame(update, now, softwareOf(update)), deadMan }, 'NO_CONTACT', message, now);
}

function softwareOf(update: Update): string[] {
  const software = wantedSoftware(update);
  return software === null ? [] : [software];
}

export function weigh(update: Update, evidence: MirrorEvidence[], now: number): Update {
  if (!update.desired) return update;
  const judged = judgedModels(update).map((ref) => ref.model);
  const compared = new Set(comparedModels(update).map((choice) => choice.ref.model));
  const judgement = judgeSoak(evidence, update.desired.soak, judged, compared);
  const { verdict } = judgement;
  const own = evidence.filter((seen) => judged.includes(seen.model));
  const next = { ...update, evidence: totalEvidence(own, verdict) };
  if (verdict === 'fail') {
    const culprit = changedModels(update).find(({ model }) => model === judgement.model);
    const blamed = blame(next, now, culprit ? [culprit.bundle] : []);
    return revert(blamed, 'SOAK_FAILED', judgement.message, now);
  }
  return verdict === 'pass' && isReached(next) ? commit(next, 'proven') : next;
}

/** Too little evidence in the bounded time: the golden vectors decide, and the result is called unproven. */
function replay(update: Update, now: number): Update {
  return { ...enter(update, 'soaking', now + bounds.probeMs), isReplaying: true };
}

export function judgeReplay(update: Update, results: ProbeResult[], now: number): Update {
  const isGood = (choice: Choice) =>
    results.some(
      (result) => result.model === choice.ref.model && result.variant === choice.variant && result.ok,
    );
  const changed = new Set(judgedModels(update).map((ref) => ref.bundle));
  const bad = update.choices?.find((choice) => changed.has(choice.ref.bundle) && !isGood(choice));
  if (!bad) return commit(update, 'unproven');
  const reason = results.find((result) => result.model === bad.ref.model)?.reason ?? 'it was not measured';
  const blamed = blame(update, now, [bad.ref.bundle]);
  return revert(blamed, 'GOLDEN_MISMATCH', `${bad.ref.model} ${bad.ref.version}: ${reason}`, now);
}

function commit(update: Update, proof: SettledRelease['proof']): Update {
  if (!update.desired) return update;
  const securityCounters = { ...update.securityCounters };
  for (const [model, counter] of Object.entries(update.candidateCounters)) {
    securityCounters[model] = Math.max(counter, securityCounters[model] ?? 0);
  }
  const { release } = update.desired;
  const committed = { release, choices: update.choices ?? [], proof };
  const bundles = release.models.map(({ bundle }) => bundle);
  const isProven = proof === 'proven';
  return {
    ...enter(update, 'committed', null),
    previous: update.committed,
    committed,
    lastGood: isProven ? committed : (update.lastGood ?? update.committed),
    penalties: isProven ? pardon(update.penalties, bundles) : update.penalties,
    securityCounters,
    choices: null,
    isReplaying: false,
    reason: null,
  };
}
