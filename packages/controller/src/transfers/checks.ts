import type { Clock } from '@covey/ports';
import type { Blobs } from '../storage/index.ts';

/** How long a blob that was whole is taken to be: a transfer is asked for in thousands of ranges, by every device of a fleet. */
const trustedMs = 3_600_000;
const mostKept = 1_024;

export interface BlobChecks {
  /** Whether a blob is on the disk as it was written. One that was is not read again for an hour, one that was not is. */
  isWhole(sha256: string): Promise<boolean>;
  /** It did not read as one that is whole: it is looked at again. */
  doubt(sha256: string): void;
}

export function createBlobChecks(
  blobs: Pick<Blobs, 'isWhole'>,
  clock: Pick<Clock, 'monotonicMs'>,
): BlobChecks {
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
  const isWhole = (sha256: string): Promise<boolean> => {
    const nowMs = clock.monotonicMs();
    const known = checks.get(sha256);
    if (known && nowMs < known.untilMs) return known.isWhole;
    const oldest = checks.keys().next().value;
    if (checks.size >= mostKept && oldest !== undefined) checks.delete(oldest);
    const looking = check(sha256);
    checks.set(sha256, { untilMs: nowMs + trustedMs, isWhole: looking });
    return looking;
  };
  return { isWhole, doubt: (sha256) => void checks.delete(sha256) };
}
