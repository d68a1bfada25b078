import type { Clock } from '@covey/ports';
import type { Blobs } from '../storage/index.ts';

/** How long a blob that was whole is taken to be: a transfer is asked for in thousands of ranges, by every device of a fleet. */
const trustedMs = 3_600_000;
const mostKept = 1_024;

/** Whether a blob is on the disk as it was written. One that was is not read again for an hour, one that was not is. */
export function createBlobChecks(
  blobs: Pick<Blobs, 'isWhole'>,
  clock: Pick<Clock, 'monotonicMs'>,
): (sha256: string) => Promise<boolean> {
  const checks = new Map<string, { untilMs: number; isWhole: Promise<boolean> }>();
  const check = async (sha256: string): Promise<boolean> => {
    let isWhole = false;
    try {
      isWhole = await blobs.isWhole(sha256);
    } finally {
      if (!isWhole) checks.delete(sha256);
    }
    return isWhole;
  };
  return (sha256) => {
    const nowMs = clock.monotonicMs();
    const known = checks.get(sha256);
    if (known && nowMs < known.untilMs) return known.isWhole;
    const oldest = checks.keys().next().value;
    if (checks.size >= mostKept && oldest !== undefined) checks.delete(oldest);
    const isWhole = check(sha256);
    checks.set(sha256, { untilMs: nowMs + trustedMs, isWhole });
    return isWhole;
  };
}
