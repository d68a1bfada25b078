import { sha256 } from '@covey/bundle';
import type { FetchAnswer, Ports } from '@covey/ports';
import {
  CoveyError,
  checkDocument,
  DeviceIdSchema,
  EnrolmentAnswerSchema,
  type ErrorCode,
  errorCatalogue,
  limits,
  parseDocument,
  parseJson,
  type Tags,
  TagsSchema,
} from '@covey/protocol';
import { initDeviceFolder } from '../folder/index.ts';
import { type Identity, readIdentity, storeIdentity } from '../identity/index.ts';
import { fingerprintOf, isCertificateFor, makeKeyAndRequest } from './certificates.ts';
import { readToken } from './token.ts';

export interface EnrolOptions {
  /** As the controller gave it: `covey1.` and base64url. */
  token: string;
  folder: string;
  deviceId: string;
  tags: Tags;
}

const timeoutMs = 30_000;

/**
 * Makes this machine a device of the controller that made the token: proves the controller by its CA's fingerprint, has a
 * key certified that never leaves the device, checks the root that it is to trust, and stores the identity (mode 0600).
 * Errors: TOKEN_UNKNOWN, TOKEN_USED, TOKEN_EXPIRED, CA_MISMATCH (the server or its answer is not what the token
 * promises), CONFLICT (the folder has an identity already), DATA_FOREIGN, DATA_NEWER, UNREACHABLE, TIMEOUT, INVALID_DOCUMENT.
 */
export async function enrol(ports: Pick<Ports, 'disk' | 'fetch'>, options: EnrolOptions): Promise<Identity> {
  const token = readToken(options.token);
  const deviceId = checkDocument(DeviceIdSchema, options.deviceId, 'device id');
  const tags = checkDocument(TagsSchema, options.tags, 'tags');
  const folder = await initDeviceFolder(ports.disk, options.folder);
  const before = await readIdentity(ports.disk, folder);
  if (before) throw new CoveyError('CONFLICT', `${options.folder} is already enrolled as ${before.deviceId}`);

  const caPem = await readProvenCa(ports, token.url, token.caFingerprint);
  const { keyPem, csrPem } = await makeKeyAndRequest(deviceId);
  const answered = await ports.fetch({
    method: 'POST',
    url: new URL('/enrol', token.url).href,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(
      JSON.stringify({ secret: token.secret, deviceId, csrPem, tags, trustDigest: token.trustDigest }),
    ),
    tls: { ca: caPem },
    timeoutMs,
    maxBytes: limits.adminBodyBytes,
  });
  if (answered.status !== 200) throw refusal(answered);
  const answer = parseDocument(
    EnrolmentAnswerSchema,
    answered.body,
    'enrolment answer',
    limits.adminBodyBytes,
  );
  checkAnswer(answer, {
    deviceId,
    keyPem,
    caFingerprint: token.caFingerprint,
    trustDigest: token.trustDigest,
  });
  await storeIdentity(ports.disk, folder, {
    deviceId,
    mqttUrl: answer.mqttUrl,
    deviceUrl: answer.deviceUrl,
    tags: answer.tags,
    keyPem,
    certificatePem: answer.certificatePem,
    caPem: answer.caPem,
    pinnedRoot: Buffer.from(answer.trustRoot),
  });
  const identity = await readIdentity(ports.disk, folder);
  if (!identity) throw new CoveyError('INTERNAL', 'the identity just stored is not there');
  return identity;
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
  if (!isCertificateFor(answer.certificatePem, { ...expected, caPem: answer.caPem })) {
    throw mismatch('a certificate that is not for this device');
  }
}

/** The controller's refusal in its own code and words, when it gave any. */
function refusal(answer: FetchAnswer): CoveyError {
  const document = readErrorDocument(answer);
  const code = Object.keys(errorCatalogue).find((known): known is ErrorCode => known === document.code);
  const message = document.message ?? `the controller answers with status ${answer.status}`;
  return new CoveyError(code ?? 'FORBIDDEN', message);
}

function readErrorDocument(answer: FetchAnswer): { code?: string; message?: string } {
  try {
    const body = parseJson(answer.body, 'refusal') as {
      error?: unknown;
      code?: unknown;
      message?: unknown;
    } | null;
    const inner = (body?.error ?? body) as { code?: unknown; message?: unknown } | null;
    return {
      ...(typeof inner?.code === 'string' && { code: inner.code }),
      ...(typeof inner?.message === 'string' && { message: inner.message.slice(0, limits.reasonChars) }),
    };
  } catch {
    // A refusal by something that does not speak JSON, such as a proxy: the status is all there is.
    return {};
  }
}
