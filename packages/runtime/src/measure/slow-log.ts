import type { Clock, Log } from '@covey/ports';
import type { ErrorCode } from '@covey/protocol';
import { quantile } from '@covey/stats';
import type { Timings } from '../scheduler/index.ts';
import type { CountedInstance, Statistics } from './statistics.ts';

/** A request, answered or not; nothing of what was in it. */
export interface LoggedRequest {
  latencyMs: number;
  /** Undefined when it was not answered. */
  timings: Timings | undefined;
  error: ErrorCode | undefined;
  inputBytes: number;
  caller: string;
  /** W3C trace id; undefined when the request came without and is not traced. */
  traceId: string | undefined;
}

export interface SlowLog {
  /** To be asked before the request is counted: it is measured against those before it. */
  isSlow(instance: CountedInstance, latencyMs: number): boolean;
  /** Of a slow request. */
  write(instance: CountedInstance, request: LoggedRequest): void;
}

export interface SlowLogOptions {
  clock: Clock;
  log: Log;
  statistics: Statistics;
  /** Slower than this is slow; undefined: three times the 99th percentile of the model, and 100 ms at least. */
  thresholdMs: number | undefined;
}

const leastMs = 100;
const timesP99 = 3;
/** Fewer answered requests have no 99th percentile worth the name. */
const leastRequests = 100;
/** Lines per minute and model. */
const linesPerMinute = 10;
const minuteMs = 60_000;

interface Minute {
  fromMs: number;
  /** Slow requests; beyond linesPerMinute they are only counted. */
  lines: number;
}

/** Writes a line for every slow request, and how many it left out. */
export function createSlowLog({ clock, log, statistics, thresholdMs }: SlowLogOptions): SlowLog {
  const minutes = new WeakMap<CountedInstance, Minute>();
  const slowFromMs = (instance: CountedInstance) => thresholdMs ?? adaptiveMs(instance, statistics);
  return {
    // Of most requests nothing else is looked at.
    isSlow: (instance, latencyMs) => latencyMs > (thresholdMs ?? leastMs) && latencyMs > slowFromMs(instance),
    write: (instance, request) => {
      const nowMs = clock.monotonicMs();
      const minute = minuteOf(minutes, instance, nowMs);
      minute.lines++;
      if (minute.lines <= linesPerMinute) {
        log.write('warn', 'slow request', fields(instance, request, slowFromMs(instance)));
      } else if (minute.lines === linesPerMinute + 1) {
        clock.setTimer(minute.fromMs + minuteMs - nowMs, () => tellOthers(log, instance, minute));
      }
    },
  };
}

function minuteOf(minutes: WeakMap<CountedInstance, Minute>, instance: CountedInstance, nowMs: number) {
  const known = minutes.get(instance);
  if (known && nowMs - known.fromMs < minuteMs) return known;
  const minute = { fromMs: nowMs, lines: 0 };
  minutes.set(instance, minute);
  return minute;
}

function tellOthers(log: Log, { model }: CountedInstance, { lines }: Minute): void {
  const { ref, variant } = model;
  const suppressed = lines - linesPerMinute;
  log.write('warn', 'more slow requests', { model: ref.model, version: ref.version, variant, suppressed });
}

function adaptiveMs(instance: CountedInstance, statistics: Statistics): number {
  const { success } = statistics.of(instance);
  if (success.count < leastRequests) return Number.POSITIVE_INFINITY;
  const p99 = quantile(success.histogram.toMessage(), 0.99)?.value ?? 0;
  return Math.max(leastMs, timesP99 * p99);
}

function fields(
  { model }: CountedInstance,
  { latencyMs, timings, error, inputBytes, caller, traceId }: LoggedRequest,
  thresholdMs: number,
): Record<string, unknown> {
  return {
    model: model.ref.model,
    version: model.ref.version,
    variant: model.variant,
    latencyMs: round(latencyMs),
    thresholdMs: round(thresholdMs),
    ...(timings && {
      queueMs: round(timings.queueMs),
      inputMs: round(timings.inputMs),
      inferMs: round(timings.inferMs),
      outputMs: round(timings.outputMs),
      batchSize: timings.batchSize,
    }),
    ...(error && { error }),
    inputBytes,
    caller,
    ...(traceId && { traceId }),
  };
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
