import 'reflect-metadata';
import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { sha256 } from '@covey/bundle';
import type { FetchRequest } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { CoveyError } from '@covey/protocol';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDeviceFolder } from '../folder/index.ts';
import { openIdentity } from '../identity/index.ts';
import { enrol } from './enrol.ts';

type KeyPair = Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[0]['keys'];
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const trustRoot = Buffer.from('{"signed":"a root"}');
const secret = 'a-secret-of-enough-characters';

/** A controller's enrolment listener: server TLS under its own CA, which also signs the devices' certificates. */
async function startListener() {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const caKeys = await makeKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=covey test CA',
    keys: caKeys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const caPem = ca.toString('pem');
  const sign = async (name: string, publicKey: x509.PublicKeyType, extensions: x509.Extension[] = []) => {
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: ca.subject,
      signingKey: caKeys.privateKey,
      publicKey,
      signingAlgorithm: algorithm,
      extensions,
    });
    return certificate.toString('pem');
  };
  const keys = await makeKeys();
  const localhost = new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]);
  const pkcs8 = Buffer.from(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as webcrypto.CryptoKey),
  );
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  const listener = { caPem, url: '', tamper: {} as Record<string, string>, close: () => server.close() };
  const cert = await sign('localhost', keys.publicKey, [localhost]);
  const server = createServer({ key, cert }, async (request, response) => {
    if (request.url === '/enrol/ca') return response.end(caPem);
    let body = '';
    for await (const part of request) body += part;
    const asked = JSON.parse(body);
    if (asked.secret !== secret) {
      response.statusCode = 401;
      return response.end(JSON.stringify({ code: 'TOKEN_USED', message: 'used up', remedy: '' }));
    }
    const answer = {
      deviceId: asked.deviceId,
      certificatePem: await sign(asked.deviceId, new x509.Pkcs10CertificateRequest(asked.csrPem).publicKey),
      caPem,
      trustRoot: Buffer.from(trustRoot).toString(),
      mqttUrl: 'mqtts://localhost:8883',
      deviceUrl: 'https://localhost:8443',
      tags: asked.tags,
      now: 0,
    };
    return response.end(JSON.stringify({ ...answer, ...listener.tamper }));
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  listener.url = `https://localhost:${(server.address() as AddressInfo).port}`;
  return listener;
}
type Listener = Awaited<ReturnType<typeof startListener>>;

function tokenOf({ url, caPem }: Listener, change: Record<string, string> = {}): string {
  const caFingerprint = createHash('sha256').update(new X509Certificate(caPem).raw).digest('hex');
  const document = { url, caFingerprint, trustDigest: sha256(trustRoot), secret, ...change };
  return `covey1.${Buffer.from(JSON.stringify(document)).toString('base64url')}`;
}

async function makeKeys(): Promise<KeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as KeyPair;
}

function newDisk() {
  const disk = new SimulatedDisk(simulatedWorld('enrol').random('disk'), 1e6);
  return { files: disk, disk: disk.port(async (operation) => operation()) };
}

describe('enrolment, over real TLS', () => {
  let listener: Listener;
  beforeAll(async () => {
    listener = await startListener();
  });
  afterAll(() => void listener.close());
  const ask = (disk = newDisk().disk, token = tokenOf(listener)) =>
    enrol(
      { disk, fetch: nodeFetch },
      { token, folder: '/data', deviceId: 'device-1', tags: { site: 'north' } },
    );

  it('gives an identity that is stored and read back, once', async () => {
    const { disk } = newDisk();
    const identity = await ask(disk);
    expect(identity).toMatchObject({ deviceId: 'device-1', tags: { site: 'north' }, caPem: listener.caPem });
    const stored = await openIdentity(disk, await openDeviceFolder(disk, '/data'));
    expect(stored?.identity).toEqual(identity);
    await expect(ask(disk)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('puts a new identity in the place of one that is damaged', async () => {
    const { disk } = newDisk();
    await ask(disk);
    for (const slot of ['a', 'b']) await disk.write(`/data/identity/identity-${slot}`, Buffer.from('x'));
    const options = { token: tokenOf(listener), folder: '/data', deviceId: 'device-1', tags: {} };
    await expect(ask(disk)).rejects.toMatchObject({
      code: 'DATA_CORRUPT',
      message: expect.stringContaining('covey enroll --replace'),
    });
    const replaced = await enrol({ disk, fetch: nodeFetch }, { ...options, replace: true });
    expect(replaced).toMatchObject({ deviceId: 'device-1' });
  });

  it('sends no secret to a server whose CA is not the one of the token', async () => {
    const token = tokenOf(listener, { caFingerprint: '0'.repeat(64) });
    await expect(ask(newDisk().disk, token)).rejects.toMatchObject({ code: 'CA_MISMATCH' });
  });

  it('refuses an answer that is not what the token promises, and stores nothing of it', async () => {
    const other = await startListener();
    other.close();
    const foreignRoot = '{"signed":"another root"}';
    for (const tamper of [
      { trustRoot: foreignRoot },
      { caPem: other.caPem },
      { deviceId: 'device-2' },
      { certificatePem: listener.caPem },
    ]) {
      listener.tamper = tamper;
      const { disk, files } = newDisk();
      await expect(ask(disk)).rejects.toMatchObject({ code: 'CA_MISMATCH' });
      // Its key is kept: asking again with it takes no second use of the token.
      expect(files.paths()).toEqual(['/data/covey.json', '/data/identity/enrolment-device-1.pem']);
    }
    listener.tamper = {};
  });

  it('asks again with the same key when the answer was lost, as the same device', async () => {
    const { disk, files } = newDisk();
    const lossy = async (request: FetchRequest) => {
      const answer = await nodeFetch(request);
      if (request.method === 'POST') throw new CoveyError('TIMEOUT', 'the answer is lost');
      return answer;
    };
    const options = { token: tokenOf(listener), folder: '/data', deviceId: 'device-1', tags: {} };
    await expect(enrol({ disk, fetch: lossy }, options)).rejects.toMatchObject({ code: 'TIMEOUT' });
    const asked = Buffer.from((await disk.read('/data/identity/enrolment-device-1.pem')) ?? '').toString();
    const { keyPem } = await enrol({ disk, fetch: nodeFetch }, options);
    expect(keyPem).toBe(asked);
    expect(files.paths()).not.toContain('/data/identity/enrolment-device-1.pem');
  });

  it('says what the controller says of a token, and what is none', async () => {
    const used = tokenOf(listener, { secret: 'another-secret-of-enough-characters' });
    await expect(ask(newDisk().disk, used)).rejects.toMatchObject({ code: 'TOKEN_USED', message: 'used up' });
    for (const token of ['', 'covey1.', 'covey1.!!', tokenOf(listener).slice(0, -9), 'covey2.e30']) {
      await expect(ask(newDisk().disk, token)).rejects.toMatchObject({ code: 'TOKEN_UNKNOWN' });
    }
  });

  it('leaves a foreign folder alone', async () => {
    const { disk, files } = newDisk();
    await disk.makeFolder('/data');
    await disk.write('/data/letter.txt', Buffer.from('dear'));
    await expect(ask(disk)).rejects.toMatchObject({ code: 'DATA_FOREIGN' });
    expect(files.paths()).toEqual(['/data/letter.txt']);
  });

  it('tells a folder in which nothing was enrolled from one of others', async () => {
    const { disk } = newDisk();
    await expect(openDeviceFolder(disk, '/data')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await disk.makeFolder('/data');
    await disk.write('/data/lock', Buffer.from(''));
    await expect(openDeviceFolder(disk, '/data')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await disk.write('/data/letter.txt', Buffer.from('dear'));
    await expect(openDeviceFolder(disk, '/data')).rejects.toMatchObject({ code: 'DATA_FOREIGN' });
  });

  it('does not open what a newer Covey wrote', async () => {
    const { disk } = newDisk();
    await disk.makeFolder('/data');
    await disk.write('/data/covey.json', Buffer.from('{"format":"covey-data/2","kind":"device"}'));
    await expect(openDeviceFolder(disk, '/data')).rejects.toMatchObject({ code: 'DATA_NEWER' });
    await disk.write('/data/covey.json', Buffer.from('{"format":"covey-data/1","kind":"controller"}'));
    await expect(openDeviceFolder(disk, '/data')).rejects.toMatchObject({ code: 'DATA_FOREIGN' });
  });
});
