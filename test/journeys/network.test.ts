import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { network } from '@covey/ports/network';
import { topicOf } from '@covey/protocol';
import { connectAsync, type IClientOptions } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConnectProxy, startConnectProxy } from './connect-proxy.ts';
import { until } from './harness.ts';
import { closed, identityOf } from './impostor.ts';
import { type ClockedController, linked, startAgentHere, startClockedController } from './two-clocks.ts';

/** Nobody here can resolve it: who reaches it went through the proxy. */
const host = 'covey.invalid';
const cleanups: (() => Promise<void>)[] = [];
let controller: ClockedController;
let proxy: ConnectProxy;
const portOf = (url: string) => Number(new URL(url).port);

beforeEach(async () => {
  controller = await startClockedController({ names: [host] });
  const { adminUrl, deviceUrl } = controller.addresses;
  proxy = await startConnectProxy([portOf(adminUrl), portOf(deviceUrl)]);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await proxy.stop();
  await controller.stop();
});

async function agentIn(folder: string, through: Parameters<typeof network>[0]) {
  const started = await startAgentHere(folder, { network: network(through) });
  cleanups.push(() => started.agent.stop());
  return started.agent;
}
const throughProxy = () => ({ url: proxy.url, bypass: [] });

describe('behind a proxy that lets nothing but HTTPS through', () => {
  test('a device enrols, falls back from MQTT to WebSocket, and begins with it the next time', async () => {
    const folder = await controller.enrol('edge-1', { network: network(throughProxy()) });
    const agent = await agentIn(folder, throughProxy());
    await linked(agent);
    await until('the birth', async () => ((await controller.view('edge-1')).online ? true : undefined));
    const { mqttUrl, deviceUrl } = controller.addresses;
    const refused = { target: `${host}:${portOf(mqttUrl)}`, status: 403 };
    expect(proxy.asked).toContainEqual(refused);
    const linkFile = join(folder, 'state', 'link.json');
    await until('the way to be remembered', async () =>
      existsSync(linkFile) && readFileSync(linkFile, 'utf8').includes('websocket') ? true : undefined,
    );
    await agent.stop();
    await until('it to be known as stopped', async () =>
      (await controller.view('edge-1')).online ? undefined : true,
    );

    proxy.asked.length = 0;
    const agentAgain = await agentIn(folder, throughProxy());
    await linked(agentAgain);
    expect(proxy.asked).not.toContainEqual(refused);
    expect(proxy.asked[0]).toEqual({ target: `${host}:${portOf(deviceUrl)}`, status: 200 });

    // The proxy is gone for a moment: the session comes back by itself.
    proxy.asked.length = 0;
    proxy.cut();
    await until('the session to be made again', async () => (proxy.asked.length > 0 ? true : undefined));
    await linked(agentAgain);
    expect((await controller.view('edge-1')).clone).toBeNull();
  });

  test('one that wants credentials gets them, and is named when it refuses them', async () => {
    proxy.credentials = 'site:secret';
    const enrol = (password: string) =>
      controller.enrol('edge-1', {
        network: network({ ...throughProxy(), credentials: { user: 'site', password } }),
      });
    await expect(enrol('wrong')).rejects.toMatchObject({ code: 'PROXY_REFUSED' });
    await enrol('secret');
  });
});

describe('MQTT over WebSocket', () => {
  const connect = (folder: string, options: IClientOptions = {}) => {
    const { deviceId, caPem, certificatePem, keyPem } = identityOf(folder);
    const tls = { ca: caPem, cert: certificatePem, key: keyPem };
    const url = new URL('/mqtt', controller.addresses.deviceUrl);
    url.protocol = 'wss:';
    return connectAsync(url.href, {
      clientId: deviceId,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      ...tls,
      ...options,
    });
  };
  const local = { names: ['localhost'] };

  test('has the guards of MQTT over TLS, and ends within a second when the device is refused', async () => {
    await controller.stop();
    controller = await startClockedController(local);
    const [folder, other] = [await controller.enrol('edge-1'), await controller.enrol('edge-2')];
    const client = await connect(folder);
    await client.subscribeAsync(topicOf('edge-1', 'desired'), { qos: 1 });
    await expect(client.subscribeAsync(topicOf('edge-2', 'desired'), { qos: 1 })).rejects.toThrow();
    const ended = closed(client);
    client.publish(topicOf('edge-2', 'birth'), 'x', { qos: 1 });
    await ended;

    const large = await connect(folder);
    const cut = closed(large);
    large.publish(topicOf('edge-1', 'birth'), Buffer.alloc(400_000), { qos: 1 });
    await cut;

    await expect(connect(folder, { clientId: 'edge-2' })).rejects.toThrow(/identifier/i);
    await expect(connect(folder, { cert: undefined, key: undefined } as never)).rejects.toThrow();

    const live = await connect(folder);
    const bystander = await connect(other);
    const over = closed(live);
    const at = performance.now();
    await controller.client.call({ method: 'DELETE', path: '/devices/edge-1', answer: { parse: () => {} } });
    await over;
    // Not by a silence that somebody notices, which takes far longer.
    expect(performance.now() - at).toBeLessThan(5_000);
    expect(bystander.connected).toBe(true);
    await bystander.endAsync(true);
    await expect(connect(folder)).rejects.toThrow(/not authorized/i);
  });
});
