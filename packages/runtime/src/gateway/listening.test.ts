import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { serverWith } from '../server.fixture.ts';
import { freePort } from './listening.ts';
import { accessFolder, networkHost, secureClient, sha256 } from './network.fixture.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test('a wildcard address and loopback go by one port, and a second server is told that it is in use', async () => {
  const folder = await accessFolder([{ name: 'ann', sha256: sha256('token') }]);
  closing.push(folder.remove);
  const { network, ...paths } = folder.access;
  if (network === undefined) throw new Error('no network');
  const access = { ...paths, network: { ...network, host: '0.0.0.0' } };
  const server = await serverWith({}, { access });
  closing.push(server.close);
  const ann = secureClient(server.port, folder.ca, 'token');
  closing.push(ann.close);
  for (let i = 0; i < 20; i++) {
    expect(await server.http.get('/v2')).toMatchObject({ status: 200 });
    expect(await ann.get('/v2')).toMatchObject({ status: 200 });
  }
  for (const hosts of [['0.0.0.0', '127.0.0.1'], [networkHost, '127.0.0.1'], ['127.0.0.1']]) {
    await expect(freePort(hosts, server.port)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  }
});

test('a port that somebody has on loopback alone is in use for all', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  closing.push(() => other.close());
  const { port } = other.address() as AddressInfo;
  await expect(freePort([networkHost, '127.0.0.1'], port)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
});

test('an address that is not of this machine is said to be wrong', async () => {
  await expect(freePort(['192.0.2.1', '127.0.0.1'], 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
