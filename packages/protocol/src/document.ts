import * as v from 'valibot';
import { CoveyError } from './errors/index.ts';
import { limits } from './limits.ts';

/** Checks `value` against `schema`; throws INVALID_DOCUMENT naming the first field that is wrong. */
export function checkDocument<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  what: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortPipeEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = issue.path?.map((item) => String(item.key)).join('.') ?? '';
  throw new CoveyError('INVALID_DOCUMENT', `${what}${path ? `: ${path}` : ''}: ${issue.message}`);
}

/** Parses JSON from outside with bounds on size and nesting, then checks it. Unknown fields are dropped. */
export function parseDocument<S extends v.GenericSchema>(
  schema: S,
  bytes: Uint8Array,
  what: string,
  maxBytes: number = limits.documentBytes,
): v.InferOutput<S> {
  return checkDocument(schema, parseJson(bytes, what, maxBytes), what);
}

/** JSON from outside: bounded before it is parsed, so that a hostile document costs at most one linear scan. */
export function parseJson(bytes: Uint8Array, what: string, maxBytes: number = limits.documentBytes): unknown {
  if (bytes.byteLength > maxBytes) {
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `${what} has ${bytes.byteLength} bytes, the limit is ${maxBytes}`,
    );
  }
  if (nestingDepth(bytes) > limits.documentDepth) {
    throw new CoveyError('WIRE_MALFORMED', `${what} is nested deeper than ${limits.documentDepth}`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CoveyError('WIRE_MALFORMED', `${what} is not valid JSON`, { cause });
  }
}

function nestingDepth(bytes: Uint8Array): number {
  const quote = 0x22;
  const backslash = 0x5c;
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === backslash) i++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}

/**
 * JSON with sorted keys (by UTF-16 unit, as RFC 8785) and no white space, so that equal documents have equal bytes and
 * digests. Takes what JSON can say; fields that are undefined are left out.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`);
  return `{${fields.join()}}`;
}
