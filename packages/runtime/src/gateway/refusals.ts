import type { Clock, Log } from '@covey/ports';
import type { ErrorCode } from '@covey/protocol';

/** A line for a caller and a reason at most this often. */
const windowMs = 10_000;
/** Callers and reasons told apart in a window. */
const mostKinds = 64;

/** Notes who was refused and why, without letting them fill the log. */
export interface Refusals {
  /** `caller`: its name; where it is not known its address. */
  note(caller: string, code: ErrorCode): void;
  close(): void;
}

export function createRefusals(clock: Clock, log: Log): Refusals {
  const counts = new Map<string, { caller: string; code: ErrorCode; count: number }>();
  let timer: { cancel(): void } | undefined;
  const tell = () => {
    timer = undefined;
    for (const { caller, code, count } of counts.values()) {
      if (count > 0) log.write('warn', 'refused', { caller, code, count });
    }
    counts.clear();
  };
  return {
    note: (who, code) => {
      timer ??= clock.setTimer(windowMs, tell);
      const caller = counts.size < mostKinds || counts.has(`${who} ${code}`) ? who : 'others';
      const key = `${caller} ${code}`;
      const seen = counts.get(key);
      if (seen) seen.count++;
      else {
        // The first is told at once, the rest by their number.
        log.write('warn', 'refused', { caller, code, count: 1 });
        counts.set(key, { caller, code, count: 0 });
      }
    },
    close: () => {
      timer?.cancel();
      tell();
    },
  };
}
