import 'reflect-metadata';
import { createHash, createPrivateKey } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceAccess, InferenceCaller } from '@covey/protocol';
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** Another address of this machine, which stands for another machine's. */
export const networkHost = '127.0.0.2';

/** In its certificate too, for clients that cannot ask for an address. */
export const networkName = 'device.test';

/** A certificate for `networkHost` that signs itself, with its key; PEM. */
async function makeCertificate(): Promise<{ certificate: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=device',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'ip', value: networkHost },
        { type: 'dns', value: networkName },
      ]),
    ],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { certificate: made.toString('pem'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

export const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');

/** A folder with tokens, certificate and key, as an operator would have it. */
export async function accessFolder(callers: InferenceCaller[]) {
  const folder = await mkdtemp(join(tmpdir(), 'covey-gateway-'));
  const certificatePath = join(folder, 'tls.crt');
  const keyPath = join(folder, 'tls.key');
  const access: InferenceAccess = {
    tokensPath: join(folder, 'tokens.json'),
    usagePath: join(folder, 'usage.json'),
    network: { host: networkHost, certificatePath, keyPath },
  };
  const writeTokens = async (content: InferenceCaller[] | string) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(access.tokensPath, text, { mode: 0o600 });
    await chmod(access.tokensPath, 0o600);
  };
  const writeCertificate = async () => {
    const { certificate, key } = await makeCertificate();
    await Promise.all([writeFile(certificatePath, certificate), writeFile(keyPath, key, { mode: 0o600 })]);
    return Buffer.from(certificate);
  };
  await writeTokens(callers);
  const ca = await writeCertificate();
  return { access, ca, writeTokens, writeCertificate, remove: () => rm(folder, { recursive: true }) };
}

export interface SecureReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** An HTTPS client with kept connections, for one caller. */
export function secureClient(port: number, ca: Buffer, token: string | undefined, maxSockets = 64) {
  const agent = new Agent({ keepAlive: true, maxSockets, ca });
  const send = (method: string, path: string, body = ''): Promise<SecureReply> =>
    new Promise((resolve, reject) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const outgoing = request({ host: networkHost, port, method, path, agent, headers }, (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += chunk;
        });
        incoming.on('error', reject);
        incoming.on('end', () => {
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  return {
    get: (path: string) => send('GET', path),
    post: (path: string, document: unknown) => send('POST', path, JSON.stringify(document)),
    close: () => agent.destroy(),
  };
}
