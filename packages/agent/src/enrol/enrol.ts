import { sha256 } from '@covey/bundle';
import type { Disk, Ports } from '@covey/ports';
import {
  CoveyError,
  checkDocument,
  DeviceIdSchema,
  EnrolmentAnswerSchema,
  limits,
  parseDocument,
  type Tags,
  TagsSchema,
} from '@covey/protocol';
import { type DeviceFolder, initDeviceFolder } from '../folder/index.ts';
import {
  createIdentity,
  fingerprintOf,
  type Identity,
  isCertificateFor,
  makeKey,
  makeRequest,
  openIdentity,
  refusalOf,
} from '../identity/index.ts';
import { readToken } from './token.ts';

export interface EnrolOptions {
  /** As the controller gave it: `covey1.` and base64url. */
  token: string;
  folder: string;
  deviceId: string;
  tags: Tags;
  /** PEM texts of a key and its certificate, with its chain, that an enterprise's authority made; absent: both are made now. */
  credentials?: { keyPem: string; certificatePem: string };
  /** Replaces the identity that is there, after a reset; models and what is not yet sent stay. */
  replace?: boolean;
}

const timeoutMs = 30_000;

/**
 * Makes this machine a device of the controller that made the token: proves the controller by its CA's fingerprint, has a
 * key certified that never leaves the device, checks the root that it is to trust, and stores the identity (mode 0600).
 * Errors: TOKEN_UNKNOWN, TOKEN_USED, TOKEN_EXPIRED, CA_MISMATCH (the server or its answer is not what the token
 * promises), CONFLICT (the folder has an identity already), DATA_CORRUPT, DATA_FOREIGN, DATA_NEWER, UNREACHABLE, TIMEOUT,
 * INVALID_DOCUMENT.
 */
export async function enrol(ports: Pick<Ports, 'disk' | 'fetch'>, options: EnrolOptions): Promise<Identity> {
  const token = readToken(options.token);
  const deviceId = checkDocument(DeviceIdSchema, options.deviceId, 'device id');
  const tags = checkDocument(TagsSchema, options.tags, 'tags');
  const folder = await initDeviceFolder(ports.disk, options.folder);
  // What is to be replaced may be damaged.
  const before = options.replace ? undefined : await openIdentity(ports.disk, folder);
  if (before)
    throw new CoveyError('CONFLICT', `${options.folder} is already enrolled as ${before.identity.deviceId}`);

  const caPem = await readProvenCa(ports, token.url, token.caFingerprint);
  const { credentials } = options;
  const keyPem = credentials?.keyPem ?? (await enrolmentKey(ports.disk, folder, deviceId));
  const csrPem = await makeRequest(deviceId, keyPem);
  const answered = await ports.fetch({
    method: 'POST',
    url: new URL('/enrol', token.url).href,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(
      JSON.stringify({
        secret: token.secret,
        deviceId,
        csrPem,
        certificatePem: credentials?.certificatePem,
        tags,
        trustDigest: token.trustDigest,
      }),
    ),
    tls: { ca: caPem },
    timeoutMs,
    maxBytes: limits.adminBodyBytes,
  });
  if (answered.status !== 200) throw refusalOf(answered);
  const answer = parseDocument(
    EnrolmentAnswerSchema,
    answered.body,
    'enrolment answer',
    limits.adminBodyBytes,
  );
  const { caFingerprint, trustDigest } = token;
  checkAnswer(answer, { deviceId, keyPem, caFingerprint, trustDigest });
  const { certificatePem, mqttUrl, deviceUrl } = answer;
  const document = {
    deviceId,
    mqttUrl,
    deviceUrl,
    tags: answer.tags,
    keyPem,
    certificatePem,
    caPem: answer.caPem,
  };
  await createIdentity(ports.disk, folder, document, Buffer.from(answer.trustRoot));
  const store = await openIdentity(ports.disk, folder);
  if (!store) throw new CoveyError('INTERNAL', 'the identity just stored is not there');
  await ports.disk.remove(enrolmentKeyPath(folder, deviceId));
  return store.identity;
}

/** On disk before it is sent: when the answer is lost, the same key asks again and takes no second use of the token. */
async function enrolmentKey(disk: Disk, folder: DeviceFolder, deviceId: string): Promise<string> {
  const path = enrolmentKeyPath(folder, deviceId);
  const before = await disk.read(path);
  if (before) return Buffer.from(before).toString();
  const keyPem = makeKey();
  await disk.write(path, Buffer.from(keyPem));
  return keyPem;
}

function enrolmentKeyPath({ identity }: DeviceFolder, deviceId: string): string {
  return `${identity}/enrolment-${deviceId}.pem`;
}

async function readProvenCa(ports: Pick<Ports, 'fetch'>, url: string, fingerprint: string): Promise<string> {
  const answer = await ports.fetch({
    method: 'GET',
    url: new URL('/enrol/ca', url).href,
    ...(new URL(url).protocol === 'https:' && { tls: { insecureReadOfCa: true as const } }),
    timeoutMs,
    maxBytes: limits.enrolBodyBytes,
  });
  if (answer.status !== 200)
    throw new CoveyError('CA_MISMATCH', `${url} is no Covey controller (${answer.status})`);
  if (fingerprintOrNone(answer.body) !== fingerprint) {
    throw new CoveyError('CA_MISMATCH', `${url} shows another certificate authority than the token names`);
  }
  return Buffer.from(answer.body).toString();
}

function fingerprintOrNone(pem: string | Uint8Array): string | undefined {
  try {
    return fingerprintOf(pem);
  } catch {
    // What is no certificate has no fingerprint, so it matches none.
    return undefined;
  }
}

function checkAnswer(
  answer: { deviceId: string; caPem: string; certificatePem: string; trustRoot: string },
  expected: { deviceId: string; keyPem: string; caFingerprint: string; trustDigest: string },
): void {
  const mismatch = (what: string) => new CoveyError('CA_MISMATCH', `the controller's answer holds ${what}`);
  if (fingerprintOrNone(answer.caPem) !== expected.caFingerprint)
    throw mismatch('another authority than the token');
  if (sha256(Buffer.from(answer.trustRoot)) !== expected.trustDigest) {
    throw mismatch('another root of trust than the token names');
  }
  if (answer.deviceId !== expected.deviceId) throw mismatch(`the identity of ${answer.deviceId}`);
  if (!isCertificateFor(answer.certificatePem, expected.keyPem))
    throw mismatch('a certificate for another key');
}
