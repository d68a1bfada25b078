import {
  type Desired,
  type MirrorEvidence,
  type ProbeResult,
  retryClassOf,
  type UpdateState,
} from '@covey/protocol';
import { type Held, isSettled, type Update } from './state.ts';
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
 * `reverted` straight from downloading, verifying and probing: what served was never touched. A newer desired generation
 * pre-empts up to probing; from activating on it waits for the end. Invariants: SPEC.md.
 */
export type UpdateEvent =
  | { kind: 'desired'; desired: Desired }
  /** The agent started. */
  | { kind: 'started' }
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
  | { kind: 'candidateApplied'; generation: number }
  | { kind: 'committedApplied' }
  | { kind: 'evidence'; generation: number; evidence: MirrorEvidence[] }
  | { kind: 'runtimeDied' };

type EventKind = UpdateEvent['kind'];
type EventOf<K extends EventKind> = Extract<UpdateEvent, { kind: K }>;
type Handler<K extends EventKind> = (update: Update, event: EventOf<K>, now: number) => Update;
type Row = { [K in EventKind]: Handler<K> };

const stay = (update: Update) => update;
const begin: Handler<'desired'> = (update, { desired }, now) => to.begin(update, desired, now);
const wait: Handler<'desired'> = (update, { desired }) => to.wait(update, desired);
const restart: Handler<'started'> = (update, _event, now) => to.restart(update, now);
const revertOn: Handler<'failed'> = (update, { code, message }, now) => to.revert(update, code, message, now);

const holdFrom =
  (from: Held['from']): Handler<'held'> =>
  (update, event, now) =>
    to.hold(update, from, event, now);
/** What the error's class asks for; `orElse` is for what may be tried again. */
const failedFrom =
  (from: Held['from'], orElse: Handler<'failed'>): Handler<'failed'> =>
  (update, event, now) => {
    const retry = retryClassOf(event.code);
    if (retry === 'rejected') return to.reject(update, event.code, event.message);
    if (retry === 'deferred') return to.hold(update, from, { ...event, until: null }, now);
    return orElse(update, event, now);
  };
const fetchAgain: Handler<'failed'> = (update, event, now) => to.retryDownload(update, event, now);
const verifyFailed: Handler<'failed'> = (update, event, now) => {
  // The store has removed what was damaged; only that is fetched again.
  if (event.code === 'BUNDLE_CORRUPT') return to.retryDownload(update, event, now);
  return to.giveUp(update, event.code, event.message);
};

const isOver = (update: Update, now: number) => update.deadlineAt !== null && now >= update.deadlineAt;
const isDue = (update: Update, now: number) => update.retryAt !== null && now >= update.retryAt;
const retryOrGiveUp: Handler<'tick'> = (update, _event, now) => {
  if (!isOver(update, now)) return isDue(update, now) ? to.retry(update) : update;
  const late = 'the download did not end in time';
  const { code, message } = update.reason ?? { code: 'TIMEOUT', message: '' };
  return to.giveUp(update, code, message ? `${late}: ${message}` : late);
};
const resumeOrGiveUp: Handler<'tick'> = (update, _event, now) => {
  if (!isOver(update, now)) return isDue(update, now) ? to.resume(update, now) : update;
  const { code, message } = update.reason ?? { code: 'TIMEOUT', message: '' };
  return to.giveUp(update, code, `it was put off for too long: ${message}`);
};
const giveUpAfter =
  (code: string, message: string): Handler<'tick'> =>
  (update, _event, now) =>
    isOver(update, now) ? to.giveUp(update, code, message) : update;
const takeUpWaiting: Handler<'tick'> = (update, _event, now) =>
  update.waiting ? to.begin(update, update.waiting, now) : update;

const nothing: Row = {
  desired: begin,
  started: stay,
  tick: stay,
  downloaded: stay,
  verified: stay,
  probed: stay,
  failed: stay,
  held: stay,
  candidateApplied: stay,
  committedApplied: stay,
  evidence: stay,
  runtimeDied: stay,
};
const settled: Row = { ...nothing, tick: takeUpWaiting };
/** Whatever was waited for, a start of the agent asks at once. */
const askAtOnce: Handler<'started'> = (update) => ({
  ...update,
  failuresInRow: 0,
  retryAt: update.retryAt === null ? null : 0,
});

const table: Record<UpdateState, Row> = {
  idle: settled,
  committed: settled,
  reverted: settled,
  rejected: settled,
  deferred: { ...nothing, started: askAtOnce, tick: resumeOrGiveUp },
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
    probed: (update, { results }, now) => to.judgeProbe(update, results, now),
    failed: failedFrom('probing', (update, { code, message }) => to.giveUp(update, code, message)),
    held: holdFrom('probing'),
  },
  activating: {
    ...nothing,
    desired: wait,
    started: restart,
    tick: (update, _event, now) =>
      isOver(update, now) ? to.revert(update, 'TIMEOUT', 'the runtime did not load it in time', now) : update,
    failed: revertOn,
    candidateApplied: (update, _event, now) => to.soak(update, now),
    runtimeDied: (update, _event, now) => to.countDeath(update, now),
  },
  soaking: {
    ...nothing,
    desired: wait,
    started: restart,
    tick: (update, _event, now) => {
      if (!isOver(update, now)) return update;
      if (!update.isReplaying) return to.replay(update, now);
      return to.revert(update, 'PROBE_CRASHED', 'the golden vectors did not end in time', now);
    },
    probed: (update, { results }, now) =>
      update.isReplaying ? to.judgeReplay(update, results, now) : update,
    failed: revertOn,
    evidence: (update, { evidence }, now) => to.weigh(update, evidence, now),
    runtimeDied: (update, _event, now) => to.countDeath(update, now),
  },
  reverting: {
    ...nothing,
    desired: wait,
    tick: (update, _event, now) => (isOver(update, now) ? to.reverted(update) : update),
    committedApplied: to.reverted,
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
