import type { BundleSource } from '@covey/bundle';
import { CoveyError, checkDocument, limits, parseJson, ServingFileSchema } from '@covey/protocol';
import { readPlainFile } from '../folder/plain-file.ts';

/** What a version says beside its contents. */
export type Served = Pick<BundleSource, 'serving' | 'pipeline' | 'requirements' | 'provides' | 'depends'>;

/**
 * How a version is served, and what it needs, as the user wrote it. Errors: NOT_FOUND, WIRE_MALFORMED, INVALID_DOCUMENT naming the field, also
 * for fields that nobody knows: a word spelt wrong shall not be taken for a setting left out.
 */
export function readServingFile(path: string): Served {
  const given = parseJson(readPlainFile(path), path, limits.documentBytes);
  const known = checkDocument(ServingFileSchema, given, path);
  const unknown = unknownField(given, known);
  if (unknown !== undefined)
    throw new CoveyError('INVALID_DOCUMENT', `${path}: nothing is known of ${unknown}`);
  const { settings, format: _, ...rest } = known;
  return { ...(settings && { serving: settings }), ...rest };
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
