import { encodeDocument, firstUpload, type InForce, type Signer, type Upload } from '@covey/bundle/tuf';
import { TrustView } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { ensureKeyFile, keepRoot, publisherKeyPath } from './keys.ts';
import { verifyServed } from './verified.ts';

export function readTrust(client: Client): Promise<TrustView> {
  return client.call({ method: 'GET', path: '/trust', answer: TrustView });
}

/**
 * What the controller has in force, verified from the root that this publisher keeps (or the newest, on its own word): a
 * controller that was broken into must not have forged content signed over. Expiry is not looked at, as signing again ends it.
 * Errors: CONFLICT without a root; TRUST_SIGNATURE, TRUST_INCONSISTENT, TRUST_MALFORMED.
 */
export async function readInForce(client: Client): Promise<InForce> {
  const { trusted, roleTargets } = await verifyServed(client, { now: 0 });
  return { root: trusted.root.signed, targets: trusted.targets.signed, roleTargets };
}

export function uploadTrust(client: Client, upload: Upload): Promise<TrustView> {
  return client.call({ method: 'POST', path: '/trust', body: upload, answer: TrustView });
}

/** Makes a root of trust with these keys, one signature each, and keeps it in the data folder. Errors: TRUST_CONFLICT when there is one. */
export async function createTrust(
  client: Client,
  data: string,
  { root, targets }: { root: Signer; targets: Signer },
): Promise<TrustView> {
  const { onlineKey } = await readTrust(client);
  const { keyid: _, ...key } = onlineKey;
  const offline = {
    root: { signers: [root], threshold: 1 },
    targets: { signers: [targets], threshold: 1 },
  };
  const upload = await firstUpload(offline, key, Date.now());
  const view = await uploadTrust(client, upload);
  const [first] = upload.roots;
  if (first) keepRoot(data, encodeDocument(first));
  return view;
}

/** For a controller and publisher in one data folder: keys and root are made the first time. The answer signs versions. */
export async function ensureTrust(client: Client, data: string): Promise<Signer> {
  const root = ensureKeyFile(publisherKeyPath(data, 'root'));
  const targets = ensureKeyFile(publisherKeyPath(data, 'targets'));
  if ((await readTrust(client)).rootDigest === null) await createTrust(client, data, { root, targets });
  return targets;
}
