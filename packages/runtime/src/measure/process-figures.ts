import type { Clock } from '@covey/ports';
import { Distribution } from './tally.ts';

/** Of this process. */
export interface ProcessFigures {
  residentBytes: number;
  /** User and system, since it began. */
  cpuSeconds: number;
  /** Unix seconds. */
  startSeconds: number;
  /** In which the event loop was at work; a second of it per second, and requests wait for this thread. */
  eventLoopActiveSeconds: number;
  /** How late a timer fired, looked at once a second. */
  eventLoopDelay: Distribution;
}

export interface ProcessMeter {
  figures(): ProcessFigures;
  stop(): void;
}

const lookEveryMs = 1_000;

export function createProcessMeter(clock: Clock): ProcessMeter {
  const eventLoopDelay = new Distribution();
  const look = () => {
    const dueMs = clock.monotonicMs() + lookEveryMs;
    return clock.setTimer(lookEveryMs, () => {
      eventLoopDelay.add(Math.max(0, clock.monotonicMs() - dueMs));
      timer = look();
    });
  };
  let timer = look();
  return {
    figures: () => {
      const { user, system } = process.cpuUsage();
      return {
        residentBytes: process.memoryUsage.rss(),
        cpuSeconds: (user + system) / 1e6,
        startSeconds: performance.timeOrigin / 1_000,
        eventLoopActiveSeconds: performance.eventLoopUtilization().active / 1_000,
        eventLoopDelay,
      };
    },
    stop: () => timer.cancel(),
  };
}
