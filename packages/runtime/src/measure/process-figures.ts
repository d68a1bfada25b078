import type { Clock } from '@covey/ports';
import type { ProcessReading } from '../platform/index.ts';
import { Distribution } from './tally.ts';

/** Of where the runtime runs. */
export interface ProcessFigures {
  /** Undefined where there is no process to look into. */
  process: ProcessReading | undefined;
  /** Unix seconds. */
  startSeconds: number;
  /** How late a timer fired, looked at once a second. */
  eventLoopDelay: Distribution;
}

export interface ProcessMeter {
  figures(): ProcessFigures;
  stop(): void;
}

const lookEveryMs = 1_000;

export function createProcessMeter(clock: Clock, process: ProcessReading | undefined): ProcessMeter {
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
    figures: () => ({ process, startSeconds: performance.timeOrigin / 1_000, eventLoopDelay }),
    stop: () => timer.cancel(),
  };
}
