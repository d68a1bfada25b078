import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuthorityAnswer, EventsAnswer } from '@covey/protocol/api';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder, until } from './harness.ts';
import { identityOf, impostorOf } from './impostor.ts';
import {
  type ClockedController,
  linked,
  shiftedClock,
  startAgentHere,
  startClockedController,
} from './two-clocks.ts';

const dayMs = 86_400_000;
const yearMs = 365.25 * dayMs;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function controllerWith(
  options: Parameters<typeof startClockedController>[0] = {},
): Promise<ClockedController> {
  const controller = await startClockedController(options);
  cleanups.push(() => controller.stop());
  return controller;
}

async function agentIn(folder: string, options: Parameters<typeof startAgentHere>[1] = {}) {
  const started = await startAgentHere(folder, options);
  cleanups.push(() => started.agent.stop());
  return started;
}

const serialIn = async (controller: ClockedController) =>
  (await controller.view('edge-1')).certificate?.serial;
const renewed = (controller: ClockedController, before: string | undefined) =>
  until('a new certificate in use', async () => {
    const serial = await serialIn(controller);
    return serial !== before && (await controller.view('edge-1')).online ? serial : undefined;
  });

test('a certificate renews itself after two thirds of its life, and the old one is worth nothing then', async () => {
  const controller = await controllerWith();
  const folder = await controller.enrol('edge-1');
  const stolen = impostorOf(folder);
  const first = await serialIn(controller);
  controller.clock.shiftMs += 250 * dayMs;
  const { agent } = await agentIn(folder);
  await linked(agent);
  await renewed(controller, first);
  await linked(agent);
  const { keyPem } = identityOf(folder);
  await until('the old key to be gone from the disk', async () =>
    ['identity-a', 'identity-b'].every((name) =>
      readFileSync(join(folder, 'identity', name), 'utf8').includes(JSON.stringify(keyPem)),
    )
      ? true
      : undefined,
  );
  controller.clock.shiftMs += 300_000;
  expect((await stolen.get('/identity')).status).toBe(403);
  await expect(stolen.mqtt()).rejects.toThrow(/not authorized/i);
  await linked(agent);
});

test('a device that was dark until long after its certificate ended comes back by itself', async () => {
  const controller = await controllerWith();
  const folder = await controller.enrol('edge-1');
  const first = await serialIn(controller);
  controller.clock.shiftMs += 1.9 * yearMs;
  const { agent } = await agentIn(folder);
  await renewed(controller, first);
  await linked(agent);
});

test('after more than a year past its end it is reset and enrolled again, in the same folder', async () => {
  const controller = await controllerWith();
  const folder = await controller.enrol('edge-1');
  const lost = impostorOf(folder);
  controller.clock.shiftMs += 2.1 * yearMs;
  const { agent, log } = await agentIn(folder);
  await until('the refusal', async () => (log.join('').includes('CERTIFICATE_EXPIRED') ? true : undefined));
  await agent.stop();
  await expect(controller.enrol('edge-1')).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(controller.enrol('edge-1', { replace: true })).rejects.toMatchObject({ code: 'CONFLICT' });
  await controller.client.call({
    method: 'POST',
    path: '/devices/edge-1/reset',
    answer: { parse: () => {} },
  });
  await controller.enrol('edge-1', { replace: true });
  // The server's certificate, good for two years, is made anew at each start.
  await controller.restart();
  const { agent: again } = await agentIn(folder);
  await linked(again);
  expect(JSON.parse(Buffer.from((await lost.get('/identity')).body).toString())).toMatchObject({
    code: 'DEVICE_REVOKED',
  });
});

describe('whatever the clocks say', () => {
  test.each([
    ['a device at 1970', (1970 - 2026) * yearMs],
    ['a device at 2040', (2040 - 2026) * yearMs],
  ])('%s enrols, connects, renews and fetches', async (_what, shiftMs) => {
    // The dates in certificates are the controller's, the TLS library's clock is this machine's: as far apart.
    const controller = await controllerWith({ shiftMs: -shiftMs });
    const folder = await controller.enrol('edge-1');
    const first = await serialIn(controller);
    const clock = shiftedClock(shiftMs);
    const { agent } = await agentIn(folder, { clock });
    await linked(agent);
    expect((await impostorOf(folder).get('/identity')).status).toBe(200);
    await agent.stop();
    controller.clock.shiftMs += 250 * dayMs;
    const { agent: again } = await agentIn(folder, { clock });
    await renewed(controller, first);
    await linked(again);
  });
});

test('the authority is changed over: devices learn the next one, and the present one ends when all have', async () => {
  const controller = await controllerWith();
  const authority = (step?: string, force = false) =>
    controller.client.call({
      method: step ? 'POST' : 'GET',
      path: '/authority',
      ...(step && { body: { step, force } }),
      answer: AuthorityAnswer,
    });
  const folder = await controller.enrol('edge-1');
  await controller.enrol('dark');
  const { agent, log } = await agentIn(folder);
  await linked(agent);
  const first = await serialIn(controller);
  const { fingerprint, nextFingerprint } = await authority('begin');
  await expect(authority('begin')).rejects.toMatchObject({ code: 'CONFLICT' });
  // The device asks when its session comes up, and every six hours.
  await controller.restart();
  await renewed(controller, first);
  await linked(agent);
  expect(await authority()).toMatchObject({ fingerprint, nextFingerprint, devicesBehind: ['dark'] });
  await expect(authority('finish')).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await authority('finish', true)).toEqual({
    fingerprint: nextFingerprint,
    nextFingerprint: null,
    devicesBehind: [],
  });
  // The server's certificate is the next authority's from the next connection on, without a restart.
  await agent.stop();
  const { agent: again } = await agentIn(folder);
  await linked(again);
  const dark = await agentIn(join(folder, '..', 'dark'));
  await until('the mismatch', async () => (dark.log.join('').includes('CA_MISMATCH') ? true : undefined));
  expect(log.join('')).not.toContain('CA_MISMATCH');
});

describe('a copied data folder', () => {
  const copied = async (controller: ClockedController) => {
    const folder = await controller.enrol('edge-1');
    const { agent } = await agentIn(folder);
    await linked(agent);
    await until('the birth', async () => ((await controller.view('edge-1')).online ? true : undefined));
    const copy = join(folder, '..', 'copy');
    cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    return { folder, copy, agent };
  };
  const cloneOf = (controller: ClockedController) =>
    until('the clone to be found', async () => (await controller.view('edge-1')).clone ?? undefined);

  test('used by a second agent is found within seconds and reported; both serve on', async () => {
    const controller = await controllerWith();
    const { copy, agent } = await copied(controller);
    expect((await controller.view('edge-1')).clone).toBeNull();
    const { agent: second } = await agentIn(copy);
    expect(await cloneOf(controller)).toMatchObject({ evidence: 'returned-boot' });
    expect((await controller.view('edge-1')).refusal).toBeNull();
    const { events } = await controller.client.call({
      method: 'GET',
      path: '/events',
      query: { device: 'edge-1' },
      answer: EventsAnswer,
    });
    expect(events.filter(({ kind }) => kind === 'clone-detected')).toHaveLength(1);
    for (const each of [agent, second]) expect(each.status()?.runtime.addresses).toBeDefined();
  });

  test('is put into quarantine where that is the policy, until the device is reset and enrolled again', async () => {
    const controller = await controllerWith({ clonePolicy: 'quarantine' });
    const { folder, copy, agent } = await copied(controller);
    const { agent: second, log } = await agentIn(copy);
    await cloneOf(controller);
    await until('both to be refused', async () =>
      log.join('').includes('DEVICE_QUARANTINED') && agent.status()?.link !== 'online' ? true : undefined,
    );
    expect((await controller.view('edge-1')).refusal).toBe('quarantined');
    await Promise.all([agent.stop(), second.stop()]);
    await controller.client.call({
      method: 'POST',
      path: '/devices/edge-1/reset',
      answer: { parse: () => {} },
    });
    await controller.enrol('edge-1', { folder, replace: true });
    const { agent: again } = await agentIn(folder);
    await linked(again);
    expect(await controller.view('edge-1')).toMatchObject({ refusal: null, clone: null });
  });

  test('whose original has renewed its certificate since is found at the first word', async () => {
    const controller = await controllerWith();
    const { folder, copy, agent } = await copied(controller);
    const first = await serialIn(controller);
    await agent.stop();
    controller.clock.shiftMs += 250 * dayMs;
    const { agent: original } = await agentIn(folder);
    await renewed(controller, first);
    controller.clock.shiftMs += 300_000;
    const { log } = await agentIn(copy);
    expect(await cloneOf(controller)).toMatchObject({ evidence: 'superseded-certificate' });
    await until('the copy to be told', async () =>
      log.join('').includes('CERTIFICATE_SUPERSEDED') ? true : undefined,
    );
    await linked(original);
  });
});

test('an enterprise’s own authority: a certificate made before, of another kind of key, connects', async () => {
  const folder = temporaryFolder();
  cleanups.push(async () => rmSync(folder, { recursive: true }));
  const openssl = (command: string) =>
    execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'ignore' });
  openssl('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Plant -days 3650');
  openssl('req -newkey rsa:2048 -nodes -keyout device.key -out device.csr -subj /CN=anything');
  writeFileSync(
    join(folder, 'ext'),
    'subjectAltName=URI:spiffe://plant/press/edge-1\nextendedKeyUsage=clientAuth\n',
  );
  openssl('x509 -req -in device.csr -CA ca.pem -CAkey ca.key -days 30 -extfile ext -out device.pem');
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const controller = await controllerWith({ deviceAuthority: { caPem: read('ca.pem'), idFrom: 'uri' } });
  const credentials = { certificatePem: read('device.pem'), keyPem: read('device.key') };
  await expect(controller.enrol('edge-2', { credentials })).rejects.toMatchObject({ code: 'CA_FAILED' });
  const { agent } = await agentIn(await controller.enrol('edge-1', { credentials }));
  await linked(agent);
  expect((await controller.view('edge-1')).certificate).toMatchObject({ issuer: 'external' });
  // Devices with certificates of the controller's own go on beside it.
  const { agent: own } = await agentIn(await controller.enrol('edge-3'));
  await linked(own);
});
