import { parseTraceparent, parseTracestate } from './context.ts';
import { createExporter, type ExporterOptions } from './exporter.ts';
import type { Span } from './span.ts';

/** A request that is recorded. */
export interface Trace {
  readonly traceId: string;
  /** Of the request's own span. */
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly state: string | undefined;
}

/** What was done within a request, without the ids. */
export type TracedPart = Pick<Span, 'name' | 'fromMs' | 'toMs' | 'attributes'>;

export interface Tracer {
  /**
   * The caller's trace goes on, where the caller records it; undefined where it does not. A request without a valid context
   * begins a trace, which is recorded at most once a second.
   */
  begin(traceparent: string | undefined, tracestate: string | undefined): Trace | undefined;
  /** The request is over: its span, and those within it. */
  end(trace: Trace, request: TracedPart, parts: readonly TracedPart[], error: string | undefined): void;
  readonly figures: { exported: number; dropped: number };
  stop(): Promise<void>;
}

const traceIdBytes = 16;
const spanIdBytes = 8;
/** One trace of our own in so long. */
const ownEveryMs = 1_000;

export function createTracer(options: ExporterOptions): Tracer {
  const exporter = createExporter(options);
  const { clock } = options;
  const newId = createIds();
  const newSpanId = () => newId(spanIdBytes);
  let nextOwnMs = Number.NEGATIVE_INFINITY;
  return {
    begin: (traceparent, tracestate) => {
      const caller = parseTraceparent(traceparent);
      if (caller) {
        if (!caller.isSampled) return undefined;
        const { traceId, parentId } = caller;
        return { traceId, parentId, spanId: newSpanId(), state: parseTracestate(tracestate) };
      }
      const nowMs = clock.monotonicMs();
      if (nowMs < nextOwnMs) return undefined;
      nextOwnMs = nowMs + ownEveryMs;
      return { traceId: newId(traceIdBytes), parentId: undefined, spanId: newSpanId(), state: undefined };
    },
    end: ({ traceId, spanId, parentId, state }, request, parts, error) => {
      const within = { traceId, state, kind: 'internal', parentId: spanId, error: undefined } as const;
      exporter.add([
        { ...request, traceId, spanId, parentId, state, kind: 'server', error },
        ...parts.map((part) => ({ ...part, ...within, spanId: newSpanId() })),
      ]);
    },
    figures: exporter.figures,
    stop: () => exporter.stop(),
  };
}

const poolBytes = 4_096;

/** Ids of so many bytes. Random, and so never all zero in practice; the form forbids that. Bytes are drawn many at a time. */
function createIds(): (bytes: number) => string {
  const pool = crypto.getRandomValues(new Uint8Array(poolBytes));
  let used = 0;
  return (bytes) => {
    if (used + bytes > poolBytes) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    used += bytes;
    return pool.subarray(used - bytes, used).toHex();
  };
}
