import { X509Certificate } from 'node:crypto';
import { systemDisk } from '@covey/ports';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type IdentityBench, openIdentityBench, request } from './identity.fixture.ts';

let bench: IdentityBench;
beforeEach(async () => {
  bench = await openIdentityBench();
});
afterEach(() => bench.close());

describe('a change of the authority', () => {
  const rotate = (step: 'begin' | 'finish', force = false) =>
    bench.identity.rotate(step, { force, actor: 'admin' });

  test('keeps every old certificate good until the end, and renews each by the next authority', async () => {
    const { certificatePem: first } = await bench.enrol(await bench.secretOf());
    const before = bench.identity.caFingerprint;
    await expect(rotate('finish')).rejects.toMatchObject({ code: 'CONFLICT' });
    await rotate('begin');
    expect(bench.identity.caFingerprint).toBe(before);
    expect(await bench.identity.check(new X509Certificate(first))).toMatchObject({ isRenewalDue: true });
    await expect(rotate('finish')).rejects.toMatchObject({ code: 'CONFLICT' });
    const answer = await bench.identity.renew(new X509Certificate(first), { csrPem: await request() });
    const [serving, next] = answer.caPem.split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(new X509Certificate(answer.certificatePem).verify(new X509Certificate(next ?? '').publicKey)).toBe(
      true,
    );
    expect(await bench.checkOf(answer.certificatePem)).toBe('good');
    expect(await bench.identity.authority()).toMatchObject({ devicesBehind: [] });
    await rotate('finish');
    expect(bench.identity.caPem).toBe(next);
    const server = new X509Certificate(bench.identity.server.certificate);
    expect(server.verify(new X509Certificate(next ?? '').publicKey)).toBe(true);
    expect(server.verify(new X509Certificate(serving ?? '').publicKey)).toBe(false);
    expect((await bench.open()).caPem).toBe(next);
  });

  test.each([0, 1, 2, 3, 4, 5])(
    'is finished at the next start when the power goes after write %i of the end',
    async (writes) => {
      await rotate('begin');
      const next = bench.identity.caPem.split(/(?<=-----END CERTIFICATE-----\n)/)[1];
      let left = writes;
      const failing =
        <A extends unknown[]>(change: (...args: A) => Promise<void>) =>
        async (...args: A) => {
          if (left-- <= 0) throw new Error('the power is gone');
          await change(...args);
        };
      const disk = { ...systemDisk, write: failing(systemDisk.write), remove: failing(systemDisk.remove) };
      const cut = await bench.open(disk);
      await expect(cut.rotate('finish', { force: true, actor: 'admin' })).rejects.toThrow(
        'the power is gone',
      );
      const after = await bench.open();
      if (writes === 0) expect(after.caPem).toContain(next);
      else expect(after.caPem).toBe(next);
    },
  );

  test('the server’s certificate is made anew after half of its life, while the controller runs', async () => {
    const seen: string[] = [];
    bench.identity.onServerChange(({ certificate }) => seen.push(certificate));
    await bench.identity.renewServer();
    bench.now += 366 * 86_400_000;
    await bench.identity.renewServer();
    expect(seen).toEqual([bench.identity.server.certificate]);
  });
});
