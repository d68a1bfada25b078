const baseMs = 250;
const capMs = 30_000;
/** A process that lived this long was well; its end starts a new count. */
const wellAfterMs = 60_000;

/** Deaths in a row, given how long the process lived that has just died. */
export function deathsInRow(before: number, livedMs: number): number {
  return livedMs >= wellAfterMs ? 1 : before + 1;
}

/**
 * Wait before start number `deaths` + 1. The first is at once: the other models shall answer again. Then half fixed, half
 * random, so that it never spins and a site's devices spread.
 */
export function restartDelayMs(deaths: number, fraction: number): number {
  if (deaths <= 1) return 0;
  const ceilingMs = Math.min(capMs, baseMs * 2 ** Math.min(deaths - 2, 30));
  return Math.round(ceilingMs * (0.5 + 0.5 * fraction));
}

/** A plan that could not be applied is tried again after this: soon where nothing is served meanwhile. */
export const applyRetryMs = (isServing: boolean): number => (isServing ? 30_000 : 1_000);

/** A spare is started so long after the process serves: a device has better to do at first. */
export const spareDelayMs = 5_000;
/** A spare that died, or that memory did not hold, is tried again so much later. */
export const spareRetryMs = 5 * 60_000;

/** A spare takes what the process takes, and may take a quarter of the memory that is free; null: the process is gone. */
export function spareFits(residentBytes: number | null, freeBytes: number): boolean {
  return residentBytes !== null && residentBytes <= freeBytes / 4;
}
