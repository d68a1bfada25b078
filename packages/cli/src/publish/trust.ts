import {
  firstUpload,
  type InForce,
  parseMetadata,
  type Root,
  type Signer,
  type Targets,
  type Upload,
} from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import { SignedDocument, TrustView } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { ensureKeyFile, publisherKeyPath } from './keys.ts';

export function readTrust(client: Client): Promise<TrustView> {
  return client.call({ method: 'GET', path: '/trust', answer: TrustView });
}

/** The newest metadata of a role; undefined when there is none. */
async function readRole(client: Client, role: string): Promise<SignedDocument | undefined> {
  try {
    return await client.call({
      method: 'GET',
      path: `/trust/${encodeURIComponent(role)}`,
      answer: SignedDocument,
    });
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** A metadata file as devices get it, byte for byte, by its name; `root.json` is the newest. Undefined when there is none. */
export async function readMetadataFile(client: Client, name: string): Promise<Uint8Array | undefined> {
  try {
    return await client.getBytes(`/trust/files/${encodeURIComponent(name)}`);
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** What the controller has in force. It is the publisher's own work; what is signed over it is checked by devices anew. */
export async function readInForce(client: Client): Promise<InForce> {
  const root = await readRole(client, 'root');
  const targets = await readRole(client, 'targets');
  if (!root || !targets)
    throw new CoveyError(
      'CONFLICT',
      'the controller has no root of trust yet: make one with `covey trust create`',
    );
  return {
    root: signedOf('root', root) as Root,
    targets: signedOf('targets', targets) as Targets,
    roleTargets: async (role) => {
      const document = await readRole(client, role);
      return document && (signedOf('targets', document) as Targets);
    },
  };
}

export function uploadTrust(client: Client, upload: Upload): Promise<TrustView> {
  return client.call({ method: 'POST', path: '/trust', body: upload, answer: TrustView });
}

/** Makes a root of trust with these keys, one signature each. Errors: TRUST_CONFLICT when there is one. */
export async function createTrust(
  client: Client,
  { root, targets }: { root: Signer; targets: Signer },
): Promise<TrustView> {
  const { onlineKey } = await readTrust(client);
  const { keyid: _, ...key } = onlineKey;
  const offline = {
    root: { signers: [root], threshold: 1 },
    targets: { signers: [targets], threshold: 1 },
  };
  return uploadTrust(client, await firstUpload(offline, key, Date.now()));
}

/** For a controller and publisher in one data folder: keys and root are made the first time. The answer signs versions. */
export async function ensureTrust(client: Client, data: string): Promise<Signer> {
  const root = ensureKeyFile(publisherKeyPath(data, 'root'));
  const targets = ensureKeyFile(publisherKeyPath(data, 'targets'));
  if ((await readTrust(client)).rootDigest === null) await createTrust(client, { root, targets });
  return targets;
}

function signedOf(kind: 'root' | 'targets', document: SignedDocument): Root | Targets {
  return parseMetadata(kind, new TextEncoder().encode(JSON.stringify(document))).signed;
}
