/** What is seen at one look at a model. */
export interface Load {
  nowMs: number;
  /** Sessions loaded or being loaded. */
  current: number;
  /** How long the request that is next has waited; 0 when none waits. */
  waitingMs: number;
  /** How long a run takes, by the learnt line. */
  runMs: number;
  /** Share of the time since the look before that sessions were busy, 0 to 1. */
  busyShare: number;
  isMemoryShort: boolean;
}

/** What is remembered from look to look. */
export interface ScalingState {
  /** Looks in a row at which requests waited too long. */
  pressed: number;
  /** Since when fewer sessions would do. */
  slackSinceMs: number | undefined;
  /** Memory was short: nothing is added before. */
  quietUntilMs: number;
}

export const noScaling: ScalingState = { pressed: 0, slackSinceMs: undefined, quietUntilMs: 0 };

export const lookEveryMs = 500;
/** A session is added when at so many looks in a row requests waited longer than this and than two runs. */
const looksBeforeUp = 2;
const longWaitMs = 20;
/** A session is taken away after fewer would have been at most this busy for so long. */
const easyShare = 0.6;
const slackMs = 30_000;
/** After memory was short. */
const quietMs = 60_000;

/** How many sessions a model shall have, between bounds: slowly up, more slowly down, and down at once when memory is short. */
export function scale(
  state: ScalingState,
  load: Load,
  bounds: { min: number; max: number },
): { target: number; state: ScalingState } {
  const { nowMs, current } = load;
  if (load.isMemoryShort) {
    return { target: bounds.min, state: { ...noScaling, quietUntilMs: nowMs + quietMs } };
  }
  const { quietUntilMs } = state;
  const waitsLong = load.waitingMs > Math.max(longWaitMs, 2 * load.runMs);
  const pressed = waitsLong ? state.pressed + 1 : 0;
  if (pressed >= looksBeforeUp && current < bounds.max && nowMs >= quietUntilMs) {
    return { target: current + 1, state: { ...noScaling, quietUntilMs } };
  }
  const isEasy = current > bounds.min && load.busyShare * current <= easyShare * (current - 1);
  const slackSinceMs = isEasy && !waitsLong ? (state.slackSinceMs ?? nowMs) : undefined;
  if (slackSinceMs !== undefined && nowMs - slackSinceMs >= slackMs) {
    return { target: current - 1, state: { ...noScaling, quietUntilMs } };
  }
  return { target: current, state: { pressed, slackSinceMs, quietUntilMs } };
}
