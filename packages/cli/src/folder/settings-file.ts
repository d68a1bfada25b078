import { CoveyError, checkDocument, limits, parseJson, toCoveyError } from '@covey/protocol';
import type { GenericSchema, InferOutput } from 'valibot';
import { readPlainFile } from './plain-file.ts';

/**
 * Settings as a user wrote them. Errors: NOT_FOUND, PAYLOAD_TOO_LARGE, INVALID_DOCUMENT naming the place or the field, also for fields
 * that nobody knows: a word spelt wrong shall not be taken for a setting left out.
 */
export function readSettingsFile<S extends GenericSchema>(path: string, schema: S): InferOutput<S> {
  const given = parsed(readPlainFile(path), path);
  const known = checkDocument(schema, given, path);
  const unknown = unknownField(given, known);
  if (unknown !== undefined)
    throw new CoveyError('INVALID_DOCUMENT', `${path}: nothing is known of ${unknown}`);
  return known;
}

function parsed(bytes: Uint8Array, path: string): unknown {
  try {
    return parseJson(bytes, path, limits.documentBytes);
  } catch (cause) {
    const { code, message, cause: fault } = toCoveyError(cause);
    if (code !== 'WIRE_MALFORMED') throw cause;
    // The words of the parser name the place.
    const place = fault instanceof Error ? `: ${fault.message}` : '';
    throw new CoveyError('INVALID_DOCUMENT', `${message}${place}`, { cause });
  }
}

/** The first field of `given` that its check has left out. */
function unknownField(given: unknown, checked: unknown, path = ''): string | undefined {
  if (given === null || typeof given !== 'object') return undefined;
  for (const [name, inner] of Object.entries(given)) {
    const at = path === '' ? name : `${path}.${name}`;
    const isKnown = checked !== null && typeof checked === 'object' && Object.hasOwn(checked, name);
    if (!isKnown) return at;
    const found = unknownField(inner, (checked as Record<string, unknown>)[name], at);
    if (found !== undefined) return found;
  }
  return undefined;
}
