import { CoveyError } from '@covey/protocol';

/**
 * The bytes that TUF signs: canonical JSON as TUF repositories write it (wiki.laptop.org/go/Canonical_JSON, which section 3
 * of the specification suggests). Not RFC 8785: here only `"` and `\` are escaped, and numbers are whole.
 * Errors: TRUST_MALFORMED for what has no such form.
 */
export function canonicalBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(canonicalText(value));
}

function canonicalText(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (Number.isSafeInteger(value)) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (typeof value === 'object') {
    const fields = Object.keys(value)
      .sort()
      .map((name) => `${quoted(name)}:${canonicalText((value as Record<string, unknown>)[name])}`);
    return `{${fields.join()}}`;
  }
  throw new CoveyError('TRUST_MALFORMED', `metadata: ${String(value)} has no canonical form`);
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
