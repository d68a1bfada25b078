import type { Bundle } from '@covey/bundle';
import {
  createKeyPair,
  firstUpload,
  listVersion,
  parseMetadata,
  pemSigner,
  type Signer,
  type Upload,
} from '@covey/bundle/tuf';
import type { Clock } from '@covey/ports';
import type { PublishRequest } from '@covey/protocol/api';
import type { Storage } from './storage/index.ts';
import { createTrust, type Trust } from './trust/index.ts';

const newSigner = () => pemSigner(createKeyPair('ed25519').privateKeyPem);

/** Keys of everybody in a test: they are made once. */
export const rootSigner = newSigner();
export const publisher = newSigner();
export const online = newSigner();

/** A controller's trust with a root in force. */
export async function trustFixture(storage: Storage, clock: Clock): Promise<Trust> {
  const trust = createTrust({ storage, clock, signer: online });
  await publishFirst(trust, clock.now());
  return trust;
}

/** Publishes a root with the keys of this file. */
export async function publishFirst(trust: Trust, now: number, onlineKey = online.key): Promise<void> {
  const one = (signer: Signer) => ({ signers: [signer], threshold: 1 });
  const upload = await firstUpload({ root: one(rootSigner), targets: one(publisher) }, onlineKey, now);
  await trust.publish(upload, { actor: 'admin', commit: async () => {} });
}

/** What a publisher sends after the chunks. */
export async function requestFor(
  trust: Pick<Trust, 'newest'>,
  { manifest, manifestBytes }: Bundle,
  now: number,
  signers: readonly Signer[] = [publisher],
): Promise<PublishRequest> {
  const { model, version, securityCounter } = manifest;
  const read = async <K extends 'root' | 'targets'>(kind: K, role: string) => {
    const bytes = await trust.newest(role);
    return bytes && parseMetadata(kind, bytes).signed;
  };
  const [root, top] = [await read('root', 'root'), await read('targets', 'targets')];
  if (!root || !top) throw new Error('nothing was published before');
  const inForce = { root, targets: top, roleTargets: (role: string) => read('targets', role) };
  const target = { model, version, manifestBytes, securityCounter };
  const targets: Upload['targets'] = await listVersion(inForce, target, signers, now);
  // As it goes over the wire.
  return JSON.parse(JSON.stringify({ manifest, targets })) as PublishRequest;
}
