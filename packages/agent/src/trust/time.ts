import { signedAtField, type Timestamp } from '@covey/bundle/tuf';
import type { Clock } from '@covey/ports';

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
  /** The timestamp that is trusted now. */
  seen(timestamp: Timestamp | undefined): void;
}

/** The last moment that a date can say. */
const lastMs = 8.64e15;

export function createTrustedTime(clock: Clock): TrustedTime {
  let heardOffsetMs = Number.NEGATIVE_INFINITY;
  let seenOffsetMs = Number.NEGATIVE_INFINITY;
  const startedMs = clock.monotonicMs();
  return {
    now: () => {
      const ownMs = clock.monotonicMs();
      return Math.floor(
        Math.min(lastMs, Math.max(clock.now(), ownMs + Math.max(heardOffsetMs, seenOffsetMs))),
      );
    },
    heard: (now) => {
      heardOffsetMs = now - clock.monotonicMs();
    },
    seen: (timestamp) => {
      const signedAt = timestamp?.[signedAtField];
      seenOffsetMs = typeof signedAt === 'number' ? signedAt - startedMs : Number.NEGATIVE_INFINITY;
    },
  };
}
