import { parseTraceparent, parseTracestate } from './context.ts';
import { createExporter, type ExporterOptions } from './exporter.ts';
import type { Span } from './span.ts';

/** What was done within a trace, without the ids; times on performance.now(). */
export type TracedPart = Pick<Span, 'name' | 'fromMs' | 'toMs' | 'attributes'> & {
  kind?: Span['kind'];
  /** Code from the error catalogue. */
  error?: string | undefined;
};

/** One thing that is recorded: a request, or what is done for it. */
export interface Trace {
  readonly traceId: string;
  readonly spanId: string;
  /** On performance.now(). */
  readonly begunMs: number;
  /** W3C Trace Context, for who is asked on its behalf. */
  readonly headers: Record<string, string>;
  /** Something begins within it. */
  within(): Trace;
  /** It is over. */
  end(part: TracedPart): void;
}

export interface Tracer {
  /**
   * The caller's trace goes on, where the caller records it; undefined where it does not. A request without a valid context
   * begins a trace, which is recorded at most once a second.
   */
  begin(traceparent: string | undefined, tracestate: string | undefined): Trace | undefined;
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
  /** `ownKind` is what it is unless it says otherwise when it ends. */
  const begun = (
    traceId: string,
    parentId: string | undefined,
    state: string | undefined,
    ownKind: Span['kind'],
  ): Trace => {
    const spanId = newId(spanIdBytes);
    return {
      ...{ traceId, spanId, begunMs: performance.now() },
      headers: {
        traceparent: `00-${traceId}-${spanId}-01`,
        ...(state !== undefined && { tracestate: state }),
      },
      within: () => begun(traceId, spanId, state, 'internal'),
      end: ({ kind = ownKind, error, ...part }) => {
        const unixMs = clock.now() - performance.now();
        const [fromMs, toMs] = [unixMs + part.fromMs, unixMs + part.toMs];
        exporter.add([{ ...part, ...{ fromMs, toMs, traceId, spanId, parentId, state, kind, error } }]);
      },
    };
  };
  let nextOwnMs = Number.NEGATIVE_INFINITY;
  return {
    begin: (traceparent, tracestate) => {
      const caller = parseTraceparent(traceparent);
      if (caller) {
        if (!caller.isSampled) return undefined;
        return begun(caller.traceId, caller.parentId, parseTracestate(tracestate), 'server');
      }
      const nowMs = clock.monotonicMs();
      if (nowMs < nextOwnMs) return undefined;
      nextOwnMs = nowMs + ownEveryMs;
      return begun(newId(traceIdBytes), undefined, undefined, 'server');
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
