import { CoveyError, checkDocument, limits, parseJson } from '@covey/protocol';
import type { GenericSchema, InferOutput } from 'valibot';
import { readPlainFile } from './plain-file.ts';

/**
 * Settings as a user wrote them. Errors: NOT_FOUND, WIRE_MALFORMED, PAYLOAD_TOO_LARGE, INVALID_DOCUMENT naming the field, also for fields
 * that nobody knows: a word spelt wrong shall not be taken for a setting left out.
 */
export function readSettingsFile<S extends GenericSchema>(path: string, schema: S): InferOutput<S> {
  const given = parseJson(readPlainFile(path), path, limits.documentBytes);
  const known = checkDocument(schema, given, path);
  const unknown = unknownField(given, known);
  if (unknown !== undefined)
    throw new CoveyError('INVALID_DOCUMENT', `${path}: nothing is known of ${unknown}`);
  return known;
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
