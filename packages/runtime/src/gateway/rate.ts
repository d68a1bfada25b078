/** Requests at `perSecond` in the long run, and `burst` at once after a rest. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** `filledMs`: when the bucket will be full of rest again, the state to keep. */
export type Admission = { admitted: true; filledMs: number } | { admitted: false; waitMs: number };

/**
 * The generic cell rate algorithm (ITU-T I.371, annex A), a token bucket whose state is one number: in any time t at most
 * burst + perSecond * t requests are admitted. Times are milliseconds of a clock that never goes back.
 */
export function admission({ perSecond, burst }: Rate, filledMs: number, nowMs: number): Admission {
  const costMs = 1_000 / perSecond;
  const depthMs = burst * costMs;
  // A rate that was changed leaves no debt that the new one could not have made.
  const from = Math.min(Math.max(filledMs, nowMs), nowMs + depthMs);
  // In this order a bucket that is full waits for exactly nothing, however the numbers are rounded.
  const waitMs = from - nowMs + costMs - depthMs;
  return waitMs <= 0 ? { admitted: true, filledMs: from + costMs } : { admitted: false, waitMs };
}
