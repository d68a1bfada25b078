/**
 * A dead-man's switch, for a change that can cost the contact to whoever could undo it: other software of the agent, another way
 * to the controller. It is on trial until there is contact, and is taken back by itself when there is none. What the change is,
 * and how it is taken back, is its owner's: `update` has one for software, `link` one for the way.
 *
 * ```
 *             tried            contact
 *   steady ----------> pending -------> kept ----------> pending
 *                      |  ^ started            tried
 *                      +--+ (twice)
 *                      +------> takenBack ----------> pending, unless it is refused
 *            time over, started a third time   tried
 * ```
 * Invariants (`deadman.test.ts`): 1. only contact makes a change kept, and what is kept is never taken back; 2. a trial ends by
 * time, or by starts, alone; 3. a change that was taken back is not tried again; 4. one change is pending at a time.
 */
export interface DeadMan {
  readonly state: DeadManState;
  /** Of the change that `state` is about. */
  readonly id: string | null;
  /** Of the agent, since the trial began. */
  readonly starts: number;
  /** What was taken back, the latest last. */
  readonly refused: readonly string[];
}

type DeadManState = 'steady' | 'pending' | 'kept' | 'takenBack';

export type DeadManEvent =
  /** Somebody wants the change `id`. */
  | { kind: 'tried'; id: string }
  /** Heard from the other side, by what is on trial. */
  | { kind: 'contact' }
  | { kind: 'timeOver' }
  | { kind: 'started' };

type EventKind = DeadManEvent['kind'];
type Handler<K extends EventKind> = (deadMan: DeadMan, event: Extract<DeadManEvent, { kind: K }>) => DeadMan;
type Row = { [K in EventKind]: Handler<K> };

const mostStarts = 2;
const mostRefused = 8;

export const steady: DeadMan = { state: 'steady', id: null, starts: 0, refused: [] };

const stay = (deadMan: DeadMan) => deadMan;
const begin: Handler<'tried'> = (deadMan, { id }) =>
  id === deadMan.id || deadMan.refused.includes(id)
    ? deadMan
    : { ...deadMan, state: 'pending', id, starts: 0 };
const keep: Handler<'contact'> = (deadMan) => ({ ...deadMan, state: 'kept' });
const takeBack = (deadMan: DeadMan): DeadMan => ({
  ...deadMan,
  state: 'takenBack',
  refused: [...deadMan.refused, deadMan.id ?? ''].slice(-mostRefused),
});
const countStart: Handler<'started'> = (deadMan) =>
  deadMan.starts < mostStarts ? { ...deadMan, starts: deadMan.starts + 1 } : takeBack(deadMan);
const atRest: Row = { tried: begin, contact: stay, timeOver: stay, started: stay };

const table: Record<DeadManState, Row> = {
  steady: atRest,
  pending: { tried: stay, contact: keep, timeOver: takeBack, started: countStart },
  kept: atRest,
  takenBack: atRest,
};

/** The next state. The same object means that nothing changed; entering `takenBack` means that what held before is put back. */
export function advanceDeadMan(deadMan: DeadMan, event: DeadManEvent): DeadMan {
  return dispatch(table[deadMan.state], deadMan, event);
}

function dispatch<K extends EventKind>(
  row: Row,
  deadMan: DeadMan,
  event: Extract<DeadManEvent, { kind: K }>,
): DeadMan {
  const handler: Handler<K> = row[event.kind as K];
  return handler(deadMan, event);
}
