import { sha256 } from '@covey/bundle';
import {
  type FoundTarget,
  findTarget,
  readDelegated,
  refreshMetadata,
  type Targets,
  type TrustedMetadata,
  type TufClientOptions,
  targetPath,
} from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Client } from '../client/client.ts';

/** What the controller serves, verified as a device would. */
export interface Verified {
  trusted: TrustedMetadata;
  /** What a role has published that the top-level targets delegate to; undefined when nothing. */
  roleTargets(role: string): Promise<Targets | undefined>;
  /** The roles that list a version, the most trusted first. */
  rolesListing(model: string, version: string): Promise<FoundTarget[]>;
}

export interface VerifyOptions {
  /** Of the root to begin from; without it the one that this publisher keeps, else the newest, on its own word. */
  rootDigest?: string | undefined;
  /** By which expiry is judged, in unix milliseconds. */
  now: number;
}

/** Errors: CONFLICT without a root, NOT_FOUND, those of refreshMetadata. */
export async function verifyServed(client: Client, { rootDigest, now }: VerifyOptions): Promise<Verified> {
  const files = new Map<string, Uint8Array>();
  const options: TufClientOptions = {
    store: {
      read: async (name) => files.get(name),
      write: async (name, bytes) => void files.set(name, bytes),
      remove: async (name) => void files.delete(name),
    },
    fetch: (name) => readMetadataFile(client, name),
    pinnedRoot: await rootToBeginFrom(client, rootDigest),
    now,
  };
  const trusted = await refreshMetadata(options);
  return {
    trusted,
    roleTargets: (role) => readDelegated(options, trusted, role),
    rolesListing: (model, version) =>
      Array.fromAsync(findTarget(options, trusted, targetPath(model, version))),
  };
}

async function rootToBeginFrom(client: Client, digest: string | undefined): Promise<Uint8Array> {
  if (digest === undefined && client.publisherRoot) return client.publisherRoot;
  const newest = await readMetadataFile(client, 'root.json');
  if (!newest)
    throw new CoveyError(
      'CONFLICT',
      'the controller has no root of trust yet: make one with `covey trust create`',
    );
  if (digest === undefined || sha256(newest) === digest) return newest;
  for (let version = 1; ; version++) {
    const root = await readMetadataFile(client, `${version}.root.json`);
    if (!root) throw new CoveyError('NOT_FOUND', `the controller has no root with the digest ${digest}`);
    if (sha256(root) === digest) return root;
  }
}

/** A metadata file as devices get it, byte for byte, by its name; `root.json` is the newest. Undefined when there is none. */
async function readMetadataFile(client: Client, name: string): Promise<Uint8Array | undefined> {
  try {
    return await client.getBytes(`/trust/files/${encodeURIComponent(name)}`);
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
