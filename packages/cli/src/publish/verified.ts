import { sha256 } from '@covey/bundle';
import {
  type FoundTarget,
  findTarget,
  refreshMetadata,
  type TrustedMetadata,
  type TufClientOptions,
  targetPath,
} from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Client } from '../client/client.ts';
import { readMetadataFile } from './trust.ts';

/** What the controller serves, verified as a device would. */
export interface Verified {
  trusted: TrustedMetadata;
  /** The roles that list a version, the most trusted first. */
  rolesListing(model: string, version: string): Promise<FoundTarget[]>;
}

/** Begins from the root with this digest, or from the newest, on its own word. Errors: NOT_FOUND, those of refreshMetadata. */
export async function verifyServed(client: Client, rootDigest?: string): Promise<Verified> {
  const files = new Map<string, Uint8Array>();
  const options: TufClientOptions = {
    store: {
      read: async (name) => files.get(name),
      write: async (name, bytes) => void files.set(name, bytes),
      remove: async (name) => void files.delete(name),
    },
    fetch: (name) => readMetadataFile(client, name),
    pinnedRoot: await rootWithDigest(client, rootDigest),
    now: Date.now(),
  };
  const trusted = await refreshMetadata(options);
  return {
    trusted,
    rolesListing: (model, version) =>
      Array.fromAsync(findTarget(options, trusted, targetPath(model, version))),
  };
}

async function rootWithDigest(client: Client, digest: string | undefined): Promise<Uint8Array> {
  const newest = await readMetadataFile(client, 'root.json');
  if (!newest) throw new CoveyError('NOT_FOUND', 'the controller has no root of trust yet');
  if (digest === undefined || sha256(newest) === digest) return newest;
  for (let version = 1; ; version++) {
    const root = await readMetadataFile(client, `${version}.root.json`);
    if (!root) throw new CoveyError('NOT_FOUND', `the controller has no root with the digest ${digest}`);
    if (sha256(root) === digest) return root;
  }
}
