import { join } from 'node:path';
import { limits, parseDocument, type VariantFolder, VariantFolderSchema } from '@covey/protocol';
import { readPlainFile } from '../folder/plain-file.ts';

/** The list of what a folder of variants holds. */
export const indexName = 'variants.json';

/** What `variants.json` of a folder says. Errors: NOT_FOUND, INVALID_DOCUMENT, WIRE_MALFORMED, each naming the file. */
export function readIndex(folder: string): VariantFolder {
  const path = join(folder, indexName);
  return parseDocument(VariantFolderSchema, readPlainFile(path), path, limits.manifestBytes);
}
