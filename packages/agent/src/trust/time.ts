import { type Metadata, parseMetadata, signedAtField } from '@covey/bundle/tuf';
import type { Clock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';

/**
 * The time by which metadata is judged, on devices that may have no clock. It is the latest of three: the device's own clock;
 * the controller's, as last heard, going on since; when the newest timestamp that was verified here was signed, going on since
 * the agent started. So a clock that stands in the past is corrected, and nobody can turn time back to make
 * old metadata look fresh. Who turns it forward keeps the device from installing, which whoever controls
 * the connection can do anyway; it lasts until the agent starts again, or until the online key is replaced: nothing of it is stored.
 */
export interface TrustedTime {
  now(): number;
  /** The controller says what time it is. */
  heard(now: number): void;
  /** A timestamp that was verified when it was kept. */
  seen(timestamp: Uint8Array | undefined): void;
}

export function createTrustedTime(clock: Clock): TrustedTime {
  let heardOffsetMs = Number.NEGATIVE_INFINITY;
  let seenOffsetMs = Number.NEGATIVE_INFINITY;
  const startedMs = clock.monotonicMs();
  return {
    now: () => Math.floor(Math.max(clock.now(), clock.monotonicMs() + Math.max(heardOffsetMs, seenOffsetMs))),
    heard: (now) => {
      heardOffsetMs = now - clock.monotonicMs();
    },
    seen: (timestamp) => {
      const signedAt = timestamp && signedAtOf(timestamp);
      seenOffsetMs = signedAt === undefined ? Number.NEGATIVE_INFINITY : signedAt - startedMs;
    },
  };
}

function signedAtOf(bytes: Uint8Array): number | undefined {
  try {
    const { signed }: Metadata<Record<string, unknown>> = parseMetadata('timestamp', bytes);
    const signedAt = signed[signedAtField];
    return Number.isSafeInteger(signedAt) ? (signedAt as number) : undefined;
  } catch (error) {
    // Damaged on disk: it says nothing, and is fetched anew.
    if (error instanceof CoveyError && error.code === 'TRUST_MALFORMED') return undefined;
    throw error;
  }
}
