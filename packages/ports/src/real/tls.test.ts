import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { type Authority, makeAuthority } from './authority.fixture.ts';
import { connectTls } from './tls.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

/** A TLS server that shows this certificate; what a client that pins `ca` makes of it. */
async function meet(
  shown: { certificate: string; key: string },
  tls: { ca: string; certificate?: string; key?: string },
  host = 'localhost',
): Promise<string> {
  server = createServer({ cert: shown.certificate, key: shown.key }, (socket) =>
    socket.on('error', () => {}),
  );
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const signal = AbortSignal.timeout(5_000);
    (await connectTls({ host, port, tls, proxy: undefined, signal })).destroy();
    return 'connected';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const day = (text: string) => new Date(`${text}T00:00:00Z`);

describe('a server of the pinned authority', () => {
  it.each([
    ['as the clock of a machine at 1970 sees it', '2099-01-01', '2101-01-01'],
    ['as the clock of a machine at 2040 sees it', '2012-01-01', '2014-01-01'],
  ])('is believed whatever this machine’s clock says: %s', async (_what, from, to) => {
    const authority = await makeAuthority();
    const shown = await authority.issue({ names: ['localhost'], from: day(from), to: day(to) });
    expect(await meet(shown, { ca: authority.pem })).toBe('connected');
    const own = await authority.issue({ usage: 'client', from: day('2011-06-01'), to: day('2012-06-01') });
    expect(await meet(shown, { ca: authority.pem, ...own })).toBe('connected');
  });

  it('is not believed when its certificate had ended on the day the own one was made', async () => {
    const authority = await makeAuthority();
    const shown = await authority.issue({
      names: ['localhost'],
      from: day('2012-01-01'),
      to: day('2014-01-01'),
    });
    const own = await authority.issue({ usage: 'client', from: day('2014-01-02'), to: day('2015-01-02') });
    expect(await meet(shown, { ca: authority.pem, ...own })).toBe('CA_MISMATCH');
  });

  it('is believed during a change of the authority by either of the two', async () => {
    const [before, after] = [await makeAuthority(), await makeAuthority()];
    const shown = await after.issue({ names: ['localhost'] });
    expect(await meet(shown, { ca: before.pem + after.pem })).toBe('connected');
    expect(await meet(shown, { ca: before.pem })).toBe('CA_MISMATCH');
  });

  it.each<[string, (own: Authority, other: Authority) => ReturnType<Authority['issue']>]>([
    ['another authority of the same name', (_own, other) => other.issue({ names: ['localhost'] })],
    ['another name', (own) => own.issue({ names: ['example.com'] })],
    ['no name', (own) => own.issue({ names: [] })],
    ['a device’s certificate', (own) => own.issue({ names: ['localhost'], usage: 'client' })],
    ['the authority’s own certificate', async (own) => own.self],
  ])('is not one with %s', async (_what, issue) => {
    const [own, other] = [await makeAuthority(), await makeAuthority()];
    expect(await meet(await issue(own, other), { ca: own.pem })).toBe('CA_MISMATCH');
  });

  it('is asked for by address, too', async () => {
    const authority = await makeAuthority();
    const shown = await authority.issue({ names: ['127.0.0.1'] });
    expect(await meet(shown, { ca: authority.pem }, '127.0.0.1')).toBe('connected');
    expect(await meet(shown, { ca: authority.pem }, 'localhost')).toBe('CA_MISMATCH');
  });
});
