/**
 * ```
 *            start                accepted             greeted
 *  stopped ---------> connecting ----------> greeting ---------> online
 *     ^ stop from        |  failed              | failed, closed    | closed, ordered
 *     | anywhere         v                      v                   v
 *     +---------------  waiting <---------------+-------------------+   (moved: from anywhere)
 *                        | retry -> connecting
 * ```
 * `greeting` subscribes, publishes the birth and asks for the desired state. Invariants:
 * 1. At most one connection attempt is under way, and none in `stopped`, `waiting`, `greeting`, `online`.
 * 2. Outside `stopped` there is always something that leads on: an attempt, a connection or a timer.
 * 3. The wait is rand(0, min(cap, base * 2^n)), n the failures since a connection last stayed for `steadyMs`; never
 *    shorter than the controller asked for.
 */
export type LinkState = 'stopped' | 'connecting' | 'greeting' | 'online' | 'waiting';

export interface LinkMachine {
  state: LinkState;
  failuresInRow: number;
  /** Monotonic milliseconds. */
  onlineSinceMs: number | null;
}

/** `jitter` is in [0, 1). */
export type LinkEvent =
  | { kind: 'start' }
  | { kind: 'stop' }
  | { kind: 'accepted' }
  | { kind: 'greeted' }
  /** Not accepted, or greeting failed. */
  | { kind: 'failed'; jitter: number }
  | { kind: 'closed'; jitter: number }
  /** The controller orders a reconnect, not before `retryAfterMs`. */
  | { kind: 'ordered'; retryAfterMs: number; jitter: number }
  /** The way to the controller is another one now: what is under way by the one before ends. */
  | { kind: 'moved'; jitter: number }
  | { kind: 'retry' };

export type LinkStep =
  | { kind: 'connect' }
  | { kind: 'greet' }
  | { kind: 'announceOnline' }
  | { kind: 'announceOffline' }
  /** Gracefully: no will is sent. */
  | { kind: 'end' }
  /** Whatever connection or attempt there is, drop it. */
  | { kind: 'drop' }
  | { kind: 'wait'; delayMs: number };

export interface LinkAdvance {
  machine: LinkMachine;
  steps: LinkStep[];
}

export const backoff = { baseMs: 1_000, capMs: 120_000, steadyMs: 60_000 } as const;
export const stoppedLink: LinkMachine = { state: 'stopped', failuresInRow: 0, onlineSinceMs: null };

type EventKind = LinkEvent['kind'];
type Handler<K extends EventKind> = (
  machine: LinkMachine,
  event: Extract<LinkEvent, { kind: K }>,
  nowMs: number,
) => LinkAdvance;

const stay = (machine: LinkMachine): LinkAdvance => ({ machine, steps: [] });
const goto = (machine: LinkMachine, state: LinkState, ...steps: LinkStep[]): LinkAdvance => ({
  machine: { ...machine, state },
  steps,
});
const connect = (machine: LinkMachine) => goto(machine, 'connecting', { kind: 'connect' });
const greet = (machine: LinkMachine) => goto(machine, 'greeting', { kind: 'greet' });
const online = (machine: LinkMachine, _event: unknown, nowMs: number) =>
  goto({ ...machine, onlineSinceMs: nowMs }, 'online', { kind: 'announceOnline' });
const stop = (machine: LinkMachine) => goto({ ...machine, failuresInRow: 0 }, 'stopped', { kind: 'drop' });
const stopOnline = (machine: LinkMachine) =>
  goto(
    { ...machine, failuresInRow: 0, onlineSinceMs: null },
    'stopped',
    { kind: 'announceOffline' },
    { kind: 'end' },
  );

function retryLater(machine: LinkMachine, { jitter }: { jitter: number }): LinkAdvance {
  const ceilingMs = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(machine.failuresInRow, 30));
  const failuresInRow = machine.failuresInRow + 1;
  const step: LinkStep = { kind: 'wait', delayMs: Math.ceil(jitter * ceilingMs) };
  return goto({ ...machine, failuresInRow, onlineSinceMs: null }, 'waiting', { kind: 'drop' }, step);
}

function lost(machine: LinkMachine, event: { jitter: number }, nowMs: number): LinkAdvance {
  const wasSteady = nowMs - (machine.onlineSinceMs ?? nowMs) >= backoff.steadyMs;
  const after = retryLater(wasSteady ? { ...machine, failuresInRow: 0 } : machine, event);
  return { ...after, steps: [{ kind: 'announceOffline' }, ...after.steps] };
}

/** The order spreads devices: they come back within as long again as they were told to stay away. */
function leave(
  machine: LinkMachine,
  { retryAfterMs, jitter }: { retryAfterMs: number; jitter: number },
): LinkAdvance {
  const delayMs = Math.ceil(retryAfterMs + jitter * Math.max(retryAfterMs, backoff.baseMs));
  return goto(
    { ...machine, failuresInRow: 0, onlineSinceMs: null },
    'waiting',
    { kind: 'announceOffline' },
    { kind: 'end' },
    { kind: 'wait', delayMs },
  );
}

const leaveBefore: Handler<'moved'> = (machine, { jitter }) => leave(machine, { retryAfterMs: 0, jitter });
const beginAgain: Handler<'moved'> = (machine, { jitter }) =>
  goto(
    { ...machine, failuresInRow: 0 },
    'waiting',
    { kind: 'drop' },
    { kind: 'wait', delayMs: Math.ceil(jitter * backoff.baseMs) },
  );

const table: Record<LinkState, { [K in EventKind]: Handler<K> }> = {
  stopped: {
    start: connect,
    stop: stay,
    accepted: stay,
    greeted: stay,
    failed: stay,
    closed: stay,
    ordered: stay,
    moved: stay,
    retry: stay,
  },
  connecting: {
    start: stay,
    stop,
    accepted: greet,
    greeted: stay,
    failed: retryLater,
    closed: retryLater,
    ordered: stay,
    moved: beginAgain,
    retry: stay,
  },
  greeting: {
    start: stay,
    stop,
    accepted: stay,
    greeted: online,
    failed: retryLater,
    closed: retryLater,
    ordered: leave,
    moved: leaveBefore,
    retry: stay,
  },
  online: {
    start: stay,
    stop: stopOnline,
    accepted: stay,
    greeted: stay,
    failed: lost,
    closed: lost,
    ordered: leave,
    moved: leaveBefore,
    retry: stay,
  },
  waiting: {
    start: stay,
    stop,
    accepted: stay,
    greeted: stay,
    failed: stay,
    closed: stay,
    ordered: stay,
    moved: beginAgain,
    retry: connect,
  },
};

/** The next state and what to do on the way; `nowMs` is monotonic. */
export function advanceLink(machine: LinkMachine, event: LinkEvent, nowMs: number): LinkAdvance {
  return dispatch(table[machine.state], machine, event, nowMs);
}

function dispatch<K extends EventKind>(
  row: { [Kind in EventKind]: Handler<Kind> },
  machine: LinkMachine,
  event: Extract<LinkEvent, { kind: K }>,
  nowMs: number,
): LinkAdvance {
  const handler: Handler<K> = row[event.kind as K];
  return handler(machine, event, nowMs);
}
