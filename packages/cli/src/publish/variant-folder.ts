import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoveyError, limits, parseDocument, type VariantFolder, VariantFolderSchema } from '@covey/protocol';

/** The list of what a folder of variants holds. */
export const indexName = 'variants.json';

/** What `variants.json` of a folder says. Errors: NOT_FOUND, INVALID_DOCUMENT, WIRE_MALFORMED, each naming the file. */
export function readIndex(folder: string): VariantFolder {
  const path = join(folder, indexName);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  return parseDocument(VariantFolderSchema, bytes, path, limits.manifestBytes);
}
