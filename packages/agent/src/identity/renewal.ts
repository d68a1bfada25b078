import type { FetchAnswer, Ports } from '@covey/ports';
import {
  CoveyError,
  IdentityAnswerSchema,
  limits,
  parseDocument,
  RenewalAnswerSchema,
} from '@covey/protocol';
import { isCertificateFor, makeKey, makeRequest } from './certificates.ts';
import { type IdentityStore, tlsOf } from './identity.ts';
import { refusalOf } from './refusal.ts';

const timeoutMs = 30_000;

/** What the controller says of this device. */
export interface Standing {
  /** The controller's clock, unix milliseconds. */
  now: number;
  renewalDue: boolean;
  /** Whether the controller has this device's MQTT session. */
  online: boolean;
}

/**
 * Asks the controller what it thinks of this device, and learns the authorities whose servers are to be believed: over a
 * connection that one of the present ones has proven. Errors: those of `fetch`, and the controller's refusals.
 */
export async function askStanding(ports: Pick<Ports, 'fetch'>, store: IdentityStore): Promise<Standing> {
  const answered = await ask(ports, store, 'GET', '/identity');
  const answer = parseDocument(IdentityAnswerSchema, answered.body, 'identity answer', limits.adminBodyBytes);
  if (answer.caPem !== store.givenCaPem) await store.save({ caPem: answer.caPem });
  const { now, renewalDue, online } = answer;
  return { now, renewalDue, online };
}

/**
 * Exchanges the certificate for one of a new key, by showing the old one, which may have expired. The new key is on disk
 * before it is asked for, and the old identity holds until the new one is whole: whatever is lost or cut off, the same
 * again leads on. Errors: as `askStanding`.
 */
export async function renewCertificate(ports: Pick<Ports, 'fetch'>, store: IdentityStore): Promise<void> {
  const keyPem = store.nextKeyPem ?? makeKey();
  if (store.nextKeyPem === undefined) await store.save({ nextKeyPem: keyPem });
  const csrPem = await makeRequest(store.identity.deviceId, keyPem);
  const answered = await ask(ports, store, 'POST', '/identity/renewal', { csrPem });
  const answer = parseDocument(RenewalAnswerSchema, answered.body, 'renewal answer', limits.adminBodyBytes);
  if (!isCertificateFor(answer.certificatePem, keyPem))
    throw new CoveyError('CA_MISMATCH', 'the controller answers with a certificate for another key');
  const { certificatePem, caPem } = answer;
  await store.save({ keyPem, certificatePem, caPem, nextKeyPem: undefined });
}

async function ask(
  { fetch }: Pick<Ports, 'fetch'>,
  { identity }: IdentityStore,
  method: 'GET' | 'POST',
  path: string,
  document?: unknown,
): Promise<FetchAnswer> {
  const answer = await fetch({
    method,
    url: new URL(path, identity.deviceUrl).href,
    ...(document !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(document)),
    }),
    tls: tlsOf(identity),
    timeoutMs,
    maxBytes: limits.adminBodyBytes,
  });
  if (answer.status !== 200) throw refusalOf(answer);
  return answer;
}
