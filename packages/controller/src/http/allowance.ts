import type { Clock } from '@covey/ports';

/** Addresses remembered at a time; above that the oldest are forgotten. */
const capacity = 10_000;

/**
 * Counts attempts per remote address and minute. Used where each attempt could be a guess (tokens), not for ordinary
 * requests: a controller behind a proxy sees one address for all.
 */
export function createAllowance({ clock, perMinute }: { clock: Clock; perMinute: number }) {
  const attempts = new Map<string, { minute: number; count: number }>();
  const countOf = (address: string) => {
    const minute = Math.floor(clock.monotonicMs() / 60_000);
    const known = attempts.get(address);
    return known?.minute === minute ? known : { minute, count: 0 };
  };
  return {
    isExhausted: (address: string): boolean => countOf(address).count >= perMinute,
    spend: (address: string): void => {
      const known = countOf(address);
      attempts.delete(address);
      attempts.set(address, { ...known, count: known.count + 1 });
      const [oldest] = attempts.keys();
      if (attempts.size > capacity && oldest !== undefined) attempts.delete(oldest);
    },
  };
}
