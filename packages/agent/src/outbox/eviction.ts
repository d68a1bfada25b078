import type { OutKind } from './encode.ts';
import type { Entry, Gap } from './store.ts';

/** What goes first when the outbox is full, and what stays to the last. */
const evictionOrder: Record<OutKind, number> = { metrics: 0, summary: 0, log: 0, reported: 1, event: 2 };

/**
 * The messages to evict so that at least `count` messages and `bytes` bytes go, oldest telemetry first, then superseded
 * reports, then events; the newest report, which is the truth about the device, never.
 */
export function chooseVictims(entries: Entry[], count: number, bytes: number): Entry[] {
  const newestReport = entries.findLast((entry) => entry.kind === 'reported');
  const candidates = entries.filter((entry) => entry !== newestReport);
  candidates.sort((a, b) => evictionOrder[a.kind] - evictionOrder[b.kind] || a.seq - b.seq);
  const victims: Entry[] = [];
  let freedBytes = 0;
  for (const entry of candidates) {
    if (victims.length >= count && freedBytes >= bytes) break;
    victims.push(entry);
    freedBytes += entry.sizeBytes;
  }
  return victims.sort((a, b) => a.seq - b.seq);
}

/** Evicted messages as stretches without a hole, for a stretch says that all in it are gone. Mixed telemetry is `telemetry`. */
export function stretchesOf(victims: Entry[]): (Gap & { kind: string; count: number })[] {
  const stretches: (Gap & { kind: string; count: number })[] = [];
  for (const { seq, kind } of victims) {
    const last = stretches.at(-1);
    if (last?.to === seq - 1) {
      last.to = seq;
      last.count++;
      if (last.kind !== kind) last.kind = 'telemetry';
    } else {
      stretches.push({ from: seq, to: seq, kind, count: 1 });
    }
  }
  return stretches;
}
