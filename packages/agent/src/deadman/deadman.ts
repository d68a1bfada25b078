/**
 * A dead-man's switch, for a change that can cost the contact to whoever could undo it. It is on trial until there is contact,
 * and taken back by itself when there is none.
 *
 * ```
 *   steady --tried--> on trial --contact--> steady, with the change
 *                        |  ^ started (twice)
 *                        +--+
 *                        +--time over, started a third time--> steady, without it; the change is refused from then on
 * ```
 * Invariants (`deadman.test.ts`): 1. what held before is not forgotten before there was contact; 2. a trial ends by time, or by
 * starts, alone; 3. a refused change is not tried again; 4. after contact nothing is taken back.
 */
export interface DeadMan<T> {
  /** What is tried, what held before it, and how often the agent has started since. */
  readonly trial: { readonly id: string; readonly before: T; readonly starts: number } | null;
  /** What was taken back, the latest last. */
  readonly refused: readonly string[];
}

export type DeadManEvent<T> =
  /** Somebody wants the change `id`; `before` holds now. */
  | { kind: 'tried'; id: string; before: T }
  /** Heard from the other side, by the way that is on trial. */
  | { kind: 'contact' }
  | { kind: 'timeOver' }
  | { kind: 'started' };

const mostStarts = 2;
const mostRefused = 8;

export const steady: DeadMan<never> = { trial: null, refused: [] };

/** The next state; with `restore` what held before is put back. The same object means that nothing changed. */
export function advanceDeadMan<T>(
  before: DeadMan<T>,
  event: DeadManEvent<T>,
): { deadMan: DeadMan<T>; restore: T | null } {
  const { trial, refused } = before;
  if (event.kind === 'tried') {
    if (trial || refused.includes(event.id)) return { deadMan: before, restore: null };
    return { deadMan: { trial: { id: event.id, before: event.before, starts: 0 }, refused }, restore: null };
  }
  if (!trial) return { deadMan: before, restore: null };
  if (event.kind === 'contact') return { deadMan: { trial: null, refused }, restore: null };
  if (event.kind === 'started' && trial.starts < mostStarts)
    return { deadMan: { trial: { ...trial, starts: trial.starts + 1 }, refused }, restore: null };
  return {
    deadMan: { trial: null, refused: [...refused, trial.id].slice(-mostRefused) },
    restore: trial.before,
  };
}
