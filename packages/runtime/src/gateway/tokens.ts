import {
  checkDocument,
  type InferenceCaller,
  InferenceTokensSchema,
  limits,
  parseJson,
} from '@covey/protocol';
import { readGuarded } from './files.ts';

/** Its owner's alone. */
const forbiddenMode = 0o077;

/** The callers of a tokens file. Errors: INVALID_ARGUMENT, PAYLOAD_TOO_LARGE, WIRE_MALFORMED, INVALID_DOCUMENT. */
export async function readTokens(path: string): Promise<InferenceCaller[]> {
  return callersIn(await readGuarded(path, limits.inferenceTokensBytes, forbiddenMode), path);
}

/** Errors: PAYLOAD_TOO_LARGE, WIRE_MALFORMED, INVALID_DOCUMENT; none holds what the file says. */
export function callersIn(bytes: Uint8Array, path: string): InferenceCaller[] {
  const what = `the tokens file ${path}`;
  return checkDocument(InferenceTokensSchema, parseJson(bytes, what, limits.inferenceTokensBytes), what);
}
