export { parseTraceparent, parseTracestate } from './context.ts';
export { createTracer, type Trace, type TracedPart, type Tracer } from './tracer.ts';
