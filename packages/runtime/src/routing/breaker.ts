/** After so many failures in a row nobody waits for the other side any more. */
const failuresToOpen = 3;
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** Keeps callers from waiting for who does not answer. Times in milliseconds on a clock that never goes back. */
export interface Breaker {
  /** Whether a call may be made; while it is away, one at a time finds out whether it is back. */
  admits(nowMs: number): boolean;
  succeeded(): void;
  failed(nowMs: number): void;
}

/**
 * Open after three failures in a row, for one second, then twice as long after each failed attempt, a minute at most.
 * Attempts are callers' requests, so that those of many devices do not come at once.
 */
export function createBreaker(): Breaker {
  let failures = 0;
  let opensAtMs = 0;
  let isTrying = false;
  return {
    admits: (nowMs) => {
      if (failures < failuresToOpen) return true;
      if (isTrying || nowMs < opensAtMs) return false;
      isTrying = true;
      return true;
    },
    succeeded: () => {
      failures = 0;
      isTrying = false;
    },
    failed: (nowMs) => {
      failures++;
      isTrying = false;
      const pauses = failures - failuresToOpen;
      if (pauses >= 0) opensAtMs = nowMs + Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(pauses, 16));
    },
  };
}
