/**
 * Which model ends the inference process. A death names the bundles that were loading or running. One alone is the
 * culprit; of several, all are suspects and run one at a time from then on, so that the next death names one.
 */
export interface Suspicions {
  /** Deaths of late, the oldest first. */
  readonly deaths: readonly { atMs: number; bundles: readonly string[] }[];
  /** How often each bundle was quarantined, and until when the last time. */
  readonly quarantines: ReadonlyMap<string, { times: number; untilMs: number }>;
}

export const unsuspicious: Suspicions = { deaths: [], quarantines: new Map() };

/** Older deaths are forgotten. */
const windowMs = 10 * 60_000;
/** Deaths of which a bundle alone is the cause, within the window, until it is quarantined for the first time. */
const deathsUntilQuarantine = 3;
/** After that it is tried again, for a device that nobody reaches: after an hour, then after twice as long each time. */
const firstQuarantineMs = 60 * 60_000;
const longestQuarantineMs = 24 * 60 * 60_000;

/** Takes note of a death under which `bundles` were loading or running; none says nothing about any model. */
export function afterDeath(before: Suspicions, bundles: readonly string[], nowMs: number): Suspicions {
  const deaths = [...before.deaths.filter(({ atMs }) => nowMs - atMs < windowMs), { atMs: nowMs, bundles }];
  const [culprit, ...others] = bundles;
  if (culprit === undefined || others.length > 0) return { ...before, deaths };
  const alone = deaths.filter((death) => death.bundles.length === 1 && death.bundles[0] === culprit).length;
  const times = before.quarantines.get(culprit)?.times ?? 0;
  if (times === 0 && alone < deathsUntilQuarantine) return { ...before, deaths };
  const lengthMs = Math.min(longestQuarantineMs, firstQuarantineMs * 2 ** Math.min(times, 10));
  const quarantines = new Map(before.quarantines);
  quarantines.set(culprit, { times: times + 1, untilMs: nowMs + lengthMs });
  // It is known now: what ran beside it is no longer suspected.
  return { deaths: deaths.filter((death) => !death.bundles.includes(culprit)), quarantines };
}

/** Bundles not to be loaded now, and until when. */
export function quarantined({ quarantines }: Suspicions, nowMs: number): Map<string, number> {
  const now = [...quarantines].filter(([, { untilMs }]) => untilMs > nowMs);
  return new Map(now.map(([bundle, { untilMs }]) => [bundle, untilMs]));
}

/** Bundles to be run one at a time now. */
export function suspects({ deaths }: Suspicions, nowMs: number): Set<string> {
  const ambiguous = deaths.filter(({ atMs, bundles }) => nowMs - atMs < windowMs && bundles.length > 1);
  return new Set(ambiguous.flatMap(({ bundles }) => bundles));
}
