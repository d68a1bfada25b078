import { createHash, X509Certificate } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@covey/bundle';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { type IdentityBench, newKeys, openIdentityBench, request, urls } from './identity.fixture.ts';

let bench: IdentityBench;
beforeEach(async () => {
  bench = await openIdentityBench();
});
afterEach(() => bench.close());

describe('the files', () => {
  test('CA and bearer token stay what they were, for the owner alone', async () => {
    const again = await bench.open();
    expect(again.caPem).toBe(bench.identity.caPem);
    expect(again.adminToken).toBe(bench.identity.adminToken);
    expect(Buffer.from(bench.identity.adminToken, 'base64url')).toHaveLength(32);
    for (const path of ['ca/key.pem', 'ca/ca.pem', 'admin.token'])
      expect((await stat(join(bench.folder, path))).mode & 0o777).toBe(0o600);
  });

  test.each(['ca/key.pem', 'ca/ca.pem'])('a damaged %s is DATA_CORRUPT, not a new CA', async (path) => {
    const text = await readFile(join(bench.folder, path), 'utf8');
    await writeFile(join(bench.folder, path), text.slice(0, text.length / 2));
    await expect(bench.open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
  });

  test('a CA that is missing where devices are enrolled is DATA_CORRUPT, not a new CA', async () => {
    await bench.enrol(await bench.secretOf());
    await rm(join(bench.folder, 'ca'), { recursive: true });
    await expect(bench.open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
    await expect(stat(join(bench.folder, 'ca'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a CA key of another CA is DATA_CORRUPT', async () => {
    const ours = await readFile(join(bench.folder, 'ca/key.pem'));
    await rm(join(bench.folder, 'ca'), { recursive: true });
    await bench.open();
    await writeFile(join(bench.folder, 'ca/key.pem'), ours);
    await expect(bench.open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
  });
});

describe('the server certificate', () => {
  test('is of the CA, for all its names, and for servers only', () => {
    const ca = new X509Certificate(bench.identity.caPem);
    const server = new X509Certificate(bench.identity.server.certificate);
    expect(server.checkIssued(ca) && server.verify(ca.publicKey)).toBe(true);
    expect(ca.ca && !server.ca).toBe(true);
    expect(bench.identity.caFingerprint).toBe(createHash('sha256').update(ca.raw).digest('hex'));
    for (const name of ['localhost', 'covey.example']) expect(server.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1', '10.1.2.3']) expect(server.checkIP(address)).toBe(address);
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });
});

describe('enrolment', () => {
  test('gives a certificate for the device, the token’s tags over its own, and what it needs to connect', async () => {
    const answer = await bench.enrol(await bench.secretOf());
    const certificate = new X509Certificate(answer.certificatePem);
    expect(certificate.subject).toBe('CN=edge-1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.verify(new X509Certificate(answer.caPem).publicKey)).toBe(true);
    expect(certificate.validFromDate.getTime()).toBeLessThan(bench.now);
    expect(certificate.validToDate.getTime() - bench.now).toBeCloseTo(365 * 86_400_000, -4);
    expect(answer).toMatchObject({
      deviceId: 'edge-1',
      trustRoot: new TextDecoder().decode(await bench.trust.root()),
      ...urls,
      tags: { site: 'north', rack: '7' },
      now: bench.now,
    });
    expect(await bench.checkOf(answer.certificatePem)).toBe('good');
    const { entries } = await queryAudit(bench.storage.db, { subject: 'device:edge-1', limit: 10 });
    expect(entries).toMatchObject([{ actor: 'device:edge-1', action: 'device.enrol' }]);
  });

  test('a token carries the fingerprint of the CA and the digest of the root of trust, and is not stored', async () => {
    const created = { url: 'https://c:8080', tags: {}, maxUses: 1, validMs: 60_000, createdBy: 'admin' };
    const { token } = await bench.identity.createToken(created);
    const content = JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString());
    expect(content).toMatchObject({
      url: 'https://c:8080',
      caFingerprint: bench.identity.caFingerprint,
      trustDigest: sha256(await bench.trust.root()),
    });
    const rows = JSON.stringify(await bench.storage.db.selectFrom('tokens').selectAll().execute());
    expect(rows).not.toContain(content.secret.split('.')[1]);
  });

  test('a single-use token enrols one device, also when many ask at once', async () => {
    const secret = await bench.secretOf();
    const attempts = Array.from({ length: 5 }, (_, index) => bench.enrol(secret, `edge-${index}`));
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'TOKEN_USED' });
    expect(await bench.storage.db.selectFrom('devices').select('id').execute()).toHaveLength(1);
  });

  test('a counted token enrols as many as it says', async () => {
    const secret = await bench.secretOf({ maxUses: 2 });
    await bench.enrol(secret, 'edge-1');
    await bench.enrol(secret, 'edge-2');
    await expect(bench.enrol(secret, 'edge-3')).rejects.toMatchObject({ code: 'TOKEN_USED' });
  });

  test('a device whose answer was lost asks again with its key and a spent token', async () => {
    const keys = await newKeys();
    const secret = await bench.secretOf();
    const certificates: string[] = [];
    for (let time = 0; time < 3; time++)
      certificates.push((await bench.enrol(secret, 'edge-1', await request(keys))).certificatePem);
    bench.now += 300_000;
    expect(await Promise.all(certificates.map((pem) => bench.checkOf(pem)))).toEqual([
      'CERTIFICATE_SUPERSEDED',
      'CERTIFICATE_SUPERSEDED',
      'good',
    ]);
  });

  test('an id in use is CONFLICT for another key and costs no use of the token', async () => {
    await bench.enrol(await bench.secretOf());
    const secret = await bench.secretOf();
    await expect(bench.enrol(secret)).rejects.toMatchObject({ code: 'CONFLICT' });
    await bench.enrol(secret, 'edge-2');
  });

  test('a key belongs to one id', async () => {
    const csr = await request(await newKeys());
    await bench.enrol(await bench.secretOf(), 'edge-1', csr);
    await expect(bench.enrol(await bench.secretOf(), 'edge-2', csr)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  test('a revoked id stays refused, whatever token comes, until an operator resets it', async () => {
    const first = await bench.enrol(await bench.secretOf());
    await bench.identity.refuse('edge-1', 'revoked', 'admin');
    expect(await bench.checkOf(first.certificatePem)).toBe('DEVICE_REVOKED');
    await expect(bench.identity.refuse('edge-1', 'revoked', 'admin')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(bench.identity.refuse('edge-9', 'reset', 'admin')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const secret = await bench.secretOf();
    await expect(bench.enrol(secret)).rejects.toMatchObject({ code: 'CONFLICT' });
    await bench.identity.refuse('edge-1', 'reset', 'admin');
    expect(await bench.checkOf((await bench.enrol(secret)).certificatePem)).toBe('good');
  });

  test('after a reset a new key takes the id with what is wanted of it; the old key never comes back', async () => {
    const keys = await newKeys();
    const old = await bench.enrol(await bench.secretOf(), 'edge-1', await request(keys));
    const sequences = { device: 'edge-1', up_to: 9, missing: '[]', boot_id: 'b', rebirth: 0 };
    await bench.storage.db.insertInto('sequences').values(sequences).execute();
    const event = { device: 'edge-1', at: 1, kind: 'x', message: 'of before', model: null, version: null };
    await bench.storage.db.insertInto('events').values(event).execute();
    await bench.storage.db
      .updateTable('devices')
      .set({ desired: '{}', reported: '{}', reported_at: 1 })
      .execute();
    await bench.identity.refuse('edge-1', 'reset', 'admin');
    expect(await bench.checkOf(old.certificatePem)).toBe('DEVICE_REVOKED');
    const same = await request(keys);
    await expect(bench.enrol(await bench.secretOf(), 'edge-1', same)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    const fresh = await bench.enrol(await bench.secretOf());
    expect(await bench.checkOf(fresh.certificatePem)).toBe('good');
    expect(await bench.checkOf(old.certificatePem)).toBe('DEVICE_REVOKED');
    // The same machine goes on counting; another one begins with 1, which its birth says.
    expect(await bench.storage.db.selectFrom('sequences').selectAll().execute()).toEqual([sequences]);
    expect(await bench.storage.db.selectFrom('events').select('message').execute()).toEqual([
      { message: 'of before' },
    ]);
    const device = await bench.storage.db.selectFrom('devices').selectAll().executeTakeFirstOrThrow();
    expect(device).toMatchObject({ desired: '{}', reported: null, revoked_at: null, refusal: null });
  });

  test('a token is listed without its secret, and enrols nobody once it is revoked', async () => {
    const secret = await bench.secretOf({ maxUses: 3 });
    await bench.enrol(secret);
    const [token] = await bench.identity.listTokens();
    expect(token).toMatchObject({ tags: { site: 'north' }, maxUses: 3, uses: 1, revokedAt: null });
    expect(JSON.stringify(token)).not.toContain(secret.split('.')[1]);
    await bench.identity.revokeToken(token?.id ?? '', 'admin');
    await expect(bench.enrol(secret, 'edge-2')).rejects.toMatchObject({ code: 'TOKEN_REVOKED' });
    await expect(bench.identity.revokeToken(token?.id ?? '', 'admin')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect((await bench.identity.listTokens())[0]).toMatchObject({ uses: 1, revokedAt: bench.now });
  });

  test('an expired token is TOKEN_EXPIRED', async () => {
    const secret = await bench.secretOf();
    bench.now += 60_000;
    await expect(bench.enrol(secret)).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
  });

  test('a secret that is not the token’s is TOKEN_UNKNOWN, with or without a known id', async () => {
    const secret = await bench.secretOf();
    const [id] = secret.split('.');
    for (const wrong of [`${id}.${'A'.repeat(43)}`, 'x'.repeat(50), id ?? '', ''])
      await expect(bench.enrol(wrong)).rejects.toMatchObject({ code: 'TOKEN_UNKNOWN' });
  });

  test.each([
    ['no PEM', async () => 'nonsense'],
    ['another curve', () => request(undefined, { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-256' })],
    [
      'a signature of another key',
      async () => {
        const pem = await request();
        const der = Buffer.from(pem.replace(/-----.*?-----/g, ''), 'base64');
        der[der.length - 5] = (der.at(-5) ?? 0) ^ 1;
        return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
      },
    ],
  ])('a request with %s is INVALID_DOCUMENT and takes no use', async (_what, csr) => {
    const secret = await bench.secretOf();
    await expect(bench.enrol(secret, 'edge-1', await csr())).rejects.toMatchObject({
      code: 'INVALID_DOCUMENT',
    });
    await bench.enrol(secret);
  });

  test('an id that is no name, too many tags, and anything else than a document are INVALID_DOCUMENT', async () => {
    const many = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`t${index}`, 'x']));
    const secret = await bench.secretOf({ tags: many });
    const attempts = [
      () => bench.enrol(secret),
      () => bench.enrol(secret, '../x'),
      () => bench.identity.enrol(null, urls),
    ];
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  });

  test('without a root of trust no token is made', async () => {
    await bench.storage.db.deleteFrom('trust_files').execute();
    await expect(bench.secretOf()).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('a device that asks for a root that never was gets none', async () => {
    const asked = { secret: await bench.secretOf(), deviceId: 'edge-1', csrPem: await request(), tags: {} };
    await expect(bench.identity.enrol({ ...asked, trustDigest: '0'.repeat(64) }, urls)).rejects.toMatchObject(
      {
        code: 'NOT_FOUND',
      },
    );
  });
});
