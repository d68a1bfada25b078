/** What was done for a trace, from when to when. */
export interface Span {
  traceId: string;
  spanId: string;
  /** Undefined for the first span of a trace. */
  parentId: string | undefined;
  /** W3C tracestate. */
  state: string | undefined;
  name: string;
  kind: 'server' | 'internal' | 'client';
  /** Unix milliseconds, with fractions. */
  fromMs: number;
  toMs: number;
  attributes: Readonly<Record<string, string | number | boolean>>;
  /** Code from the error catalogue; undefined for what succeeded. */
  error: string | undefined;
}

/** opentelemetry/proto/trace/v1/trace.proto: Span.SpanKind, Status.StatusCode. */
const kinds = { internal: 1, server: 2, client: 3 } as const;
const statusError = 2;
/** SpanFlags: the W3C flag `sampled`, and that it is known whether the parent is elsewhere. */
const sampledFlags = 0x101;
const parentIsRemote = 0x200;

/** Of the program that sends spans. */
export type Resource = Readonly<Record<string, string | number | boolean>>;

/** An ExportTraceServiceRequest in OTLP's JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"). */
export function otlpDocument(resource: Resource, spans: readonly Span[]) {
  return {
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource), droppedAttributesCount: 0 },
        scopeSpans: [{ scope: { name: 'covey' }, spans: spans.map(otlpSpan) }],
      },
    ],
  };
}

function otlpSpan(span: Span) {
  const { traceId, spanId, parentId, state, name, kind, fromMs, toMs, attributes, error } = span;
  return {
    traceId,
    spanId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    ...(state !== undefined && { traceState: state }),
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(fromMs),
    endTimeUnixNano: nanoseconds(toMs),
    attributes: keyValues(attributes),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: error === undefined ? { code: 0 } : { code: statusError, message: error },
    flags: sampledFlags | (kind === 'server' && parentId !== undefined ? parentIsRemote : 0),
  };
}

function keyValues(attributes: Resource) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: string | number | boolean) {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: value } : { doubleValue: value };
}

/** As a decimal text: more than a double holds. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(Math.floor((ms - whole) * 1e6)).padStart(6, '0')}`;
}
