import {
  type Desired,
  type MirrorEvidence,
  type ProbeResult,
  retryClassOf,
  type UpdateState,
} from '@covey/protocol';
import * as crash from './crashes.ts';
import * as end from './endings.ts';
import * as soaking from './soaking.ts';
import { type Held, isSettled, parcelPrefix, type Update } from './state.ts';
import * as to from './transitions.ts';

/**
 * ```
 *           desired          downloaded      verified       probed        applied       pass / replayed
 *   idle ------------> downloading --> verifying --> probing --> activating --> soaking --> committed
 *                        ^  |  ^           | corrupt   |             |  failed,    | fail,
 *                        |  |  +-----------+           |             |  died,      | died twice,
 *             time came  |  v held, disk full          |             v  timeout    v restarts
 *       deferred: back to where it came from           |           reverting <-----+
 *       (downloading, verifying or probing)            |               | applied, timeout
 *     rejected <-- signature, document, counter,       +-> reverted <--+
 *                  no variant that runs (from downloading, verifying, probing)
 * ```
 * A candidate that changes the agent's own software is also committed by `contact`, and not without it: no contact in the time of
 * the soak reverts.
 * `reverted` straight from downloading, verifying and probing: what served was never touched. A newer desired generation
 * pre-empts up to probing; from activating on it waits for the end, which comes at once where it puts back what was before. An unproven committed version that keeps ending the runtime,
 * or the agent, falls back: from any settled state to `reverting`, and the last good release serves. Invariants: SPEC.md.
 */
export type UpdateEvent =
  | { kind: 'desired'; desired: Desired }
  /** The agent started; see `crash.Start`. */
  | { kind: 'started'; starts: number; inRow: number }
  /** Time has come, see `wakeAt`. */
  | { kind: 'tick' }
  | { kind: 'downloaded'; generation: number }
  /** All bytes on disk are what the publisher signed; security counters by model. */
  | { kind: 'verified'; generation: number; counters: Record<string, number> }
  | { kind: 'probed'; generation: number; results: ProbeResult[] }
  /** A step failed. `jitter` in [0, 1) spreads the retry; a download that `progressed` starts its backoff anew. */
  | {
      kind: 'failed';
      generation: number;
      code: string;
      message: string;
      jitter: number;
      progressed: boolean;
    }
  /**
   * The work under way may not go on now: a window, a budget, a veto. `until`: ledger time at which it is asked for again;
   * null: nobody knows, it is asked for again soon. Means nothing once a candidate is being activated.
   */
  | { kind: 'held'; generation: number; code: string; message: string; until: number | null }
  /** Somebody on the device has changed what may hold an update up: what waits asks again. */
  | { kind: 'localChanged' }
  | { kind: 'candidateApplied'; generation: number }
  | { kind: 'committedApplied' }
  /** The controller was reached; digest of the agent's software that runs, null for what the device was installed with. */
  | { kind: 'contact'; software: string | null }
  | { kind: 'evidence'; generation: number; evidence: MirrorEvidence[] }
  /** `bundles` were loading or running; empty: nobody knows. */
  | { kind: 'runtimeDied'; bundles: string[] }
  /** A committed version kept ending the runtime and is not loaded for a time. */
  | { kind: 'quarantined'; bundle: string; message: string };

type EventKind = UpdateEvent['kind'];
type EventOf<K extends EventKind> = Extract<UpdateEvent, { kind: K }>;
type Handler<K extends EventKind> = (update: Update, event: EventOf<K>, now: number) => Update;
type Row = { [K in EventKind]: Handler<K> };

const stay = (update: Update) => update;
const begin: Handler<'desired'> = (update, { desired }, now) => to.begin(update, desired, now);
const wait: Handler<'desired'> = (update, { desired }) => to.wait(update, desired);
const noteStart: Handler<'started'> = (update, event, now) => crash.noteStart(update, event, now);
const restart: Handler<'started'> = (update, event, now) => crash.restart(update, event, now);
const countDeath: Handler<'runtimeDied'> = (update, { bundles }, now) =>
  crash.countDeath(update, bundles, now);
const quarantine: Handler<'quarantined'> = (update, { bundle, message }, now) =>
  crash.quarantine(update, bundle, message, now);
/** A disk or a network may fail as well; that is not held against the bundle. */
const blameFor = (update: Update, code: string, now: number) =>
  code === 'PROBE_CRASHED' || retryClassOf(code) === 'rejected' ? end.blame(update, now) : update;
/** Where the disk did not read, the supervisor asks it again; the time of the state bounds how often. */
const loadFailed: Handler<'failed'> = (update, event, now) =>
  event.code === 'DISK_FAILED' && !update.isReplaying
    ? end.because(update, event.code, event.message)
    : revertOn(update, event, now);
const revertOn: Handler<'failed'> = (update, { code, message }, now) =>
  end.revert(blameFor(update, code, now), code, message, now);
const giveUpOn: Handler<'failed'> = (update, { code, message }, now) =>
  end.giveUp(blameFor(update, code, now), code, message);

const holdFrom =
  (from: Held['from']): Handler<'held'> =>
  (update, event, now) => {
    const until = event.until === null ? null : Math.min(event.until, now + end.bounds.holdAskMs);
    return to.hold(update, from, { ...event, until }, now);
  };
/** Signatures that do not hold may be right the next time that a controller is asked; those in a file stay what they are. */
const isBroughtWrong = ({ desired }: Update, code: string): boolean =>
  code.startsWith('TRUST_') &&
  retryClassOf(code) === 'retryable' &&
  (desired?.setBy.id.startsWith(parcelPrefix) ?? false);
/** What the error's class asks for; `orElse` is for what may be tried again. */
const failedFrom =
  (from: Held['from'], orElse: Handler<'failed'>): Handler<'failed'> =>
  (update, event, now) => {
    const retry = retryClassOf(event.code);
    // A disk that does not read may read what is fetched again.
    if (event.code === 'DISK_FAILED') return to.retryDownload(update, event, now);
    if (retry === 'rejected' || isBroughtWrong(update, event.code))
      return end.reject(update, event.code, event.message);
    if (retry === 'deferred') return to.hold(update, from, { ...event, until: null }, now);
    return orElse(update, event, now);
  };
const fetchAgain: Handler<'failed'> = (update, event, now) => to.retryDownload(update, event, now);
const verifyFailed: Handler<'failed'> = (update, event, now) => {
  // The store has removed what was damaged; only that is fetched again.
  if (event.code === 'BUNDLE_CORRUPT') return to.retryDownload(update, event, now);
  return end.giveUp(update, event.code, event.message);
};

const isOver = (update: Update, now: number) => update.deadlineAt !== null && now >= update.deadlineAt;
const isDue = (update: Update, now: number) => update.retryAt !== null && now >= update.retryAt;
const retryOrGiveUp: Handler<'tick'> = (update, _event, now) => {
  if (!isOver(update, now)) return isDue(update, now) ? to.retry(update) : update;
  const late = 'the download did not end in time';
  const { code, message } = update.reason ?? { code: 'TIMEOUT', message: '' };
  return end.giveUp(update, code, message ? `${late}: ${message}` : late);
};
const resumeOrGiveUp: Handler<'tick'> = (update, _event, now) => {
  if (!isOver(update, now)) return isDue(update, now) ? to.resume(update, now) : update;
  const { code, message } = update.reason ?? { code: 'TIMEOUT', message: '' };
  return end.giveUp(update, code, `it was put off for too long: ${message}`);
};
const giveUpAfter =
  (code: string, message: string): Handler<'tick'> =>
  (update, _event, now) =>
    isOver(update, now) ? end.giveUp(blameFor(update, code, now), code, message) : update;
const loadedTooLate = (update: Update, now: number): Update => {
  const late = 'the runtime did not load it in time';
  const { reason } = update;
  if (reason) return end.revert(update, reason.code, `${late}: ${reason.message}`, now);
  return end.revert(end.blame(update, now), 'TIMEOUT', late, now);
};
const takeUpWaiting: Handler<'tick'> = (update, _event, now) =>
  update.waiting ? to.begin(update, update.waiting, now) : update;

const noteContact: Handler<'contact'> = (update, { software }) => soaking.contact(update, software);

const nothing: Row = {
  desired: begin,
  started: stay,
  tick: stay,
  downloaded: stay,
  verified: stay,
  probed: stay,
  failed: stay,
  held: stay,
  localChanged: stay,
  candidateApplied: stay,
  committedApplied: stay,
  contact: stay,
  evidence: stay,
  runtimeDied: stay,
  quarantined: stay,
};
const settled: Row = { ...nothing, tick: takeUpWaiting, started: noteStart, quarantined: quarantine };
/** Whatever was waited for, a start of the agent asks at once. */
const askAtOnce: Handler<'started'> = (update) => ({
  ...update,
  failuresInRow: 0,
  retryAt: update.retryAt === null ? null : 0,
});

/** What somebody on the device decides. */
const localReasons: readonly (string | undefined)[] = ['HELD_LOCALLY', 'METERED_LINK'];
const askIfLocal: Handler<'localChanged'> = (update) =>
  localReasons.includes(update.reason?.code) ? { ...update, retryAt: 0 } : update;

const table: Record<UpdateState, Row> = {
  idle: settled,
  committed: settled,
  reverted: settled,
  rejected: settled,
  deferred: { ...nothing, started: askAtOnce, localChanged: askIfLocal, tick: resumeOrGiveUp },
  downloading: {
    ...nothing,
    started: askAtOnce,
    tick: retryOrGiveUp,
    downloaded: (update, _event, now) => to.verify(update, now),
    failed: failedFrom('downloading', fetchAgain),
    held: holdFrom('downloading'),
  },
  verifying: {
    ...nothing,
    started: restart,
    tick: giveUpAfter('TIMEOUT', 'verifying did not end in time'),
    verified: (update, { counters }, now) => to.probe(update, counters, now),
    failed: failedFrom('verifying', verifyFailed),
    held: holdFrom('verifying'),
  },
  probing: {
    ...nothing,
    started: restart,
    tick: giveUpAfter('PROBE_CRASHED', 'the probe did not end in time'),
    probed: (update, { results }, now) => to.weighProbe(update, results, now),
    failed: failedFrom('probing', giveUpOn),
    held: holdFrom('probing'),
  },
  activating: {
    ...nothing,
    desired: wait,
    started: restart,
    tick: (update, _event, now) => (isOver(update, now) ? loadedTooLate(update, now) : update),
    failed: loadFailed,
    candidateApplied: (update, _event, now) => soaking.soak(update, now),
    contact: noteContact,
    runtimeDied: countDeath,
  },
  soaking: {
    ...nothing,
    desired: (update, { desired }, now) => soaking.supersede(update, desired, now),
    started: restart,
    tick: (update, _event, now) => {
      if (!isOver(update, now)) return update;
      if (!update.isReplaying) return soaking.endSoak(update, now);
      return end.revert(
        end.blame(update, now),
        'PROBE_CRASHED',
        'the golden vectors did not end in time',
        now,
      );
    },
    probed: (update, { results }, now) =>
      update.isReplaying ? soaking.judgeReplay(update, results, now) : update,
    failed: loadFailed,
    contact: noteContact,
    evidence: (update, { evidence }, now) => soaking.weigh(update, evidence, now),
    runtimeDied: countDeath,
  },
  reverting: {
    ...nothing,
    desired: wait,
    tick: (update, _event, now) => (isOver(update, now) ? end.reverted(update) : update),
    committedApplied: end.reverted,
  },
};

/** The next state of a device's update. `now` is ledger time in milliseconds. The same object means that nothing changed. */
export function advance(update: Update, event: UpdateEvent, now: number): Update {
  if (event.kind === 'desired' && event.desired.generation <= update.accepted) return update;
  // What a step says of a generation that is no longer worked on is history.
  if ('generation' in event && event.generation !== update.desired?.generation) return update;
  return dispatch(table[update.state], update, event, now);
}

function dispatch<K extends EventKind>(row: Row, update: Update, event: EventOf<K>, now: number): Update {
  const handler: Handler<K> = row[event.kind as K];
  return handler(update, event, now);
}

/** When `tick` is due next, in ledger time; null: never. */
export function wakeAt(update: Update): number | null {
  if (isSettled(update)) return update.waiting ? 0 : null;
  if (update.retryAt === null) return update.deadlineAt;
  return Math.min(update.retryAt, update.deadlineAt ?? Number.POSITIVE_INFINITY);
}
