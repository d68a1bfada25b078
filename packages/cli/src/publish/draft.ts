import { readFileSync, writeFileSync } from 'node:fs';
import type { Upload } from '@covey/bundle/tuf';
import { CoveyError, limits, parseJson } from '@covey/protocol';
import { TrustUpload, type TrustView } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { uploadTrust } from './trust.ts';

const formatName = 'covey-trust-draft/1';

/** Metadata on its way from one key holder to the next. Public: it holds no secret. */
export function writeDraft(path: string, upload: Upload): void {
  writeFileSync(path, `${JSON.stringify({ format: formatName, ...upload }, null, 2)}\n`);
}

/** Errors: NOT_FOUND, INVALID_DOCUMENT. */
export function readDraft(path: string): Upload {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const document = parseJson(bytes, path, limits.trustTargetsBytes * 2) as { format?: unknown } | null;
  if (document?.format !== formatName)
    throw new CoveyError('INVALID_DOCUMENT', `${path} is no draft that \`covey key\` made`);
  return TrustUpload.parse(document);
}

/** Uploads; what is not signed by enough yet becomes a draft for the others to sign. */
export async function uploadOrDraft(
  client: Client,
  upload: Upload,
  draftPath: string,
): Promise<{ view: TrustView | null; draft: string | null; why: string }> {
  try {
    return { view: await uploadTrust(client, upload), draft: null, why: 'it is in force' };
  } catch (error) {
    if (!(error instanceof CoveyError) || error.code !== 'TRUST_SIGNATURE') throw error;
    writeDraft(draftPath, upload);
    return { view: null, draft: draftPath, why: error.message };
  }
}
