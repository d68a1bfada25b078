const hourMs = 3_600_000;
/** After the first failure; twice as long after each further one. */
const firstMs = hourMs;
const longestMs = 24 * hourMs;
/** A penalty that is over is remembered so long, for the next one to be longer. */
const rememberedMs = 7 * 24 * hourMs;
const most = 64;

/** A bundle that failed here, and is not tried again before `until` (ledger time) unless somebody orders it. */
export interface Penalty {
  bundle: string;
  failures: number;
  until: number;
}

/** The penalty box after these bundles have failed. */
export function penalize(
  penalties: readonly Penalty[],
  bundles: readonly string[],
  now: number,
): readonly Penalty[] {
  const others = pardon(penalties, bundles).filter(({ until }) => now - until < rememberedMs);
  const failed = bundles.map((bundle): Penalty => {
    const failures = (penalties.find((penalty) => penalty.bundle === bundle)?.failures ?? 0) + 1;
    const lengthMs = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 10));
    return { bundle, failures, until: now + lengthMs };
  });
  return [...others, ...failed].slice(-most);
}

/** Without these bundles. */
export function pardon(penalties: readonly Penalty[], bundles: readonly string[]): readonly Penalty[] {
  return penalties.filter(({ bundle }) => !bundles.includes(bundle));
}

/** Of the penalties on these bundles, the one that lasts longest. */
export function penaltyOn(
  penalties: readonly Penalty[],
  bundles: readonly string[],
  now: number,
): Penalty | undefined {
  return penalties
    .filter(({ bundle, until }) => until > now && bundles.includes(bundle))
    .toSorted((a, b) => b.until - a.until)[0];
}
