import { CoveyError } from '@covey/protocol';

const hourMs = 3_600_000;

/** A window in unix milliseconds, `to` exclusive: by default the last hour. Errors: INVALID_ARGUMENT when it is empty. */
export function windowOf(
  query: { from?: number | undefined; to?: number | undefined },
  now: number,
): { from: number; to: number } {
  // The minute that is running counts too.
  const to = query.to ?? now + 1;
  const from = query.from ?? Math.max(0, to - hourMs);
  if (from >= to) throw new CoveyError('INVALID_ARGUMENT', `the window from ${from} to ${to} is empty`);
  return { from, to };
}
