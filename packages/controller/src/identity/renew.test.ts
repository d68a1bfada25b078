import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { type IdentityBench, newKeys, openIdentityBench, request } from './identity.fixture.ts';

let bench: IdentityBench;
beforeEach(async () => {
  bench = await openIdentityBench();
});
afterEach(() => bench.close());

describe('renewal', () => {
  const dayMs = 86_400_000;
  const renew = async (pem: string, csrPem?: string) =>
    (await bench.identity.renew(new X509Certificate(pem), { csrPem: csrPem ?? (await request()) }))
      .certificatePem;
  const isDue = async (pem: string) => (await bench.identity.check(new X509Certificate(pem))).isRenewalDue;

  test('is due when two thirds of the life are over, and the new certificate ends the old one when it is used', async () => {
    const { certificatePem: first } = await bench.enrol(await bench.secretOf());
    bench.now += 243 * dayMs;
    expect(await isDue(first)).toBe(false);
    bench.now += dayMs;
    expect(await isDue(first)).toBe(true);
    const second = await renew(first);
    bench.now += dayMs;
    expect(await bench.checkOf(first)).toBe('good');
    expect(await isDue(second)).toBe(false);
    // Requests under way with the old one are finished.
    expect(await bench.checkOf(first)).toBe('good');
    bench.now += 300_000;
    expect(await bench.checkOf(first)).toBe('CERTIFICATE_SUPERSEDED');
    await expect(renew(first)).rejects.toMatchObject({ code: 'CERTIFICATE_SUPERSEDED' });
    const { entries } = await queryAudit(bench.storage.db, { subject: 'device:edge-1', limit: 10 });
    expect(entries.map(({ action }) => action)).toEqual([
      'device.certificate',
      'device.renew',
      'device.enrol',
    ]);
  });

  test('whose answers are lost is asked for again with the same key, as often as need be', async () => {
    const { certificatePem: first } = await bench.enrol(await bench.secretOf());
    const csr = await request(await newKeys());
    let last = '';
    for (let time = 0; time < 9; time++) last = await renew(first, csr);
    expect(await bench.checkOf(first)).toBe('good');
    expect(await bench.checkOf(last)).toBe('good');
    expect(await bench.storage.db.selectFrom('certificates').selectAll().execute()).toHaveLength(5);
  });

  test('of an expired certificate is possible for a year and a day, and nothing else is', async () => {
    const { certificatePem: first } = await bench.enrol(await bench.secretOf());
    bench.now += 365 * dayMs;
    expect(await bench.checkOf(first)).toBe('CERTIFICATE_EXPIRED');
    bench.now += 366 * dayMs - 2_000;
    expect(await bench.checkOf(first, 'renewal')).toBe('good');
    expect(await bench.checkOf(await renew(first))).toBe('good');
    const other = await bench.enrol(await bench.secretOf(), 'edge-2');
    bench.now += 731 * dayMs;
    await expect(renew(other.certificatePem)).rejects.toMatchObject({ code: 'CERTIFICATE_EXPIRED' });
  });

  test('is refused to a device that is revoked, reset or in quarantine, expired or not', async () => {
    const refusals = {
      revoked: 'DEVICE_REVOKED',
      reset: 'DEVICE_REVOKED',
      quarantined: 'DEVICE_QUARANTINED',
    };
    for (const [refusal, code] of Object.entries(refusals)) {
      const { certificatePem } = await bench.enrol(await bench.secretOf(), `edge-${refusal}`);
      await bench.identity.refuse(`edge-${refusal}`, refusal as 'revoked', 'admin');
      await expect(renew(certificatePem)).rejects.toMatchObject({ code });
      bench.now += 400 * dayMs;
      await expect(renew(certificatePem)).rejects.toMatchObject({ code });
    }
  });

  test('gives no certificate for a key that was given up or is another device’s', async () => {
    const [keys, foreign] = [await newKeys(), await newKeys()];
    const { certificatePem: first } = await bench.enrol(
      await bench.secretOf(),
      'edge-1',
      await request(keys),
    );
    await bench.enrol(await bench.secretOf(), 'edge-2', await request(foreign));
    const second = await renew(first);
    expect(await bench.checkOf(second)).toBe('good');
    for (const used of [keys, foreign])
      await expect(renew(second, await request(used))).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(renew(second, 'nonsense')).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  });

  test('is refused to a certificate of another authority with the same name in it', async () => {
    const other = await openIdentityBench();
    await other.close();
    expect(await bench.checkOf(other.identity.server.certificate, 'renewal')).toBe('CERTIFICATE_UNKNOWN');
  });
});
