import { CoveyError, limits } from '@covey/protocol';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Shorter texts cannot take much memory, whatever is in them. */
const harmlessBytes = 64 * 1024;
/** Arrays and objects in one text: each takes ten times its brackets once parsed. */
const mostBrackets = 1024 * 1024;
/** Tensors are nested as deep as their rank, inside a few levels of the request. */
const deepest = limits.tensorRank + 8;

const quote = 0x22;
const backslash = 0x5c;

/**
 * JSON, within bounds on what it becomes. With `exactIntegers` numbers too long for a double arrive as their digits in a
 * string. Errors: INVALID_DOCUMENT (names `what`), PAYLOAD_TOO_LARGE.
 */
export function parseJson(bytes: Uint8Array, what: string, exactIntegers: boolean): unknown {
  if (bytes.byteLength > harmlessBytes) checkStructure(bytes, what);
  try {
    const text = decoder.decode(bytes);
    return JSON.parse(exactIntegers && /\d{16}/.test(text) ? quoteLongIntegers(text) : text);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', `${what} is not valid JSON`, { cause });
  }
}

/** Strings and numbers are matched whole, so that no digits inside one are taken for a number. */
function quoteLongIntegers(text: string): string {
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|[-\d][\d.eE+-]{15,}/g, (token) =>
    /^-?\d{16,}$/.test(token) ? `"${token}"` : token,
  );
}

function checkStructure(bytes: Uint8Array, what: string): void {
  let depth = 0;
  let brackets = 0;
  for (let i = 0; i < bytes.byteLength; i++) {
    const byte = bytes[i] ?? 0;
    // Most bytes are digits and commas, which are below all brackets.
    if (byte === quote) i = endOfString(bytes, i);
    else if (byte === 0x5b || byte === 0x7b) {
      depth++;
      brackets++;
      if (depth > deepest) throw new CoveyError('INVALID_DOCUMENT', `${what} is nested too deeply`);
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  if (brackets > mostBrackets) {
    const message = `${what} holds ${brackets} lists, the limit is ${mostBrackets}: send flat lists, or binary`;
    throw new CoveyError('PAYLOAD_TOO_LARGE', message);
  }
}

function endOfString(bytes: Uint8Array, start: number): number {
  let i = start + 1;
  while (i < bytes.byteLength && bytes[i] !== quote) i += bytes[i] === backslash ? 2 : 1;
  return i;
}
