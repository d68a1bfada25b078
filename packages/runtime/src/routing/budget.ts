const slotMs = 60_000;
const slots = 60;

/** So much of something in any hour. Times in milliseconds on a clock that never goes back. */
export interface HourlyBudget {
  /** What may still be spent. */
  left(nowMs: number): number;
  spend(amount: number, nowMs: number): void;
}

/**
 * Spending is summed by the minute, and a minute counts until a whole hour after its end: in no hour is more spent than
 * allowed, where a bucket that refills would give twice as much in its first.
 */
export function createHourlyBudget(allowed: number): HourlyBudget {
  const spent = new Map<number, number>();
  const forget = (nowMs: number) => {
    for (const slot of spent.keys()) if (slot < Math.floor(nowMs / slotMs) - slots) spent.delete(slot);
  };
  return {
    left: (nowMs) => {
      forget(nowMs);
      return allowed - [...spent.values()].reduce((sum, amount) => sum + amount, 0);
    },
    spend: (amount, nowMs) => {
      const slot = Math.floor(nowMs / slotMs);
      spent.set(slot, (spent.get(slot) ?? 0) + amount);
    },
  };
}
