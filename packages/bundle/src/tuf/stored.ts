import { CoveyError } from '@covey/protocol';
import { type Metadata, type MetaFile, parseMetadata, type TopLevelRole } from './documents.ts';
import { verifyContent } from './verify.ts';

/**
 * Where a client keeps trusted metadata: `root.json`, `timestamp.json`, `<role>.json`. A write is whole or has not
 * happened, whatever dies; each file is verified again when it is read, so that no order of writes can leave a wrong set.
 */
export interface MetadataStore {
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Whether what is stored is what is listed, so that it need not be fetched. */
export function isListed({ signed, bytes }: Metadata<{ version: number }>, listed: MetaFile): boolean {
  if (signed.version !== listed.version) return false;
  try {
    verifyContent('stored', bytes, listed);
  } catch {
    // verifyContent says no by throwing; here no is an answer.
    return false;
  }
  return true;
}

/** A stored file that is damaged, or that the keys in force did not sign, is as good as none. */
export async function readStored<K extends TopLevelRole>(
  store: MetadataStore,
  kind: K,
  file: string,
  verify: (metadata: ReturnType<typeof parseMetadata<K>>) => void,
): Promise<ReturnType<typeof parseMetadata<K>> | undefined> {
  const bytes = await store.read(`${file}.json`);
  if (!bytes) return undefined;
  try {
    const metadata = parseMetadata(kind, bytes);
    verify(metadata);
    return metadata;
  } catch (error) {
    if (error instanceof CoveyError && error.code.startsWith('TRUST_')) return undefined;
    throw error;
  }
}
