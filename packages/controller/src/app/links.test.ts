import { systemRandom } from '@covey/ports';
import { checkDocument, type Desired, DesiredSchema, limits } from '@covey/protocol';
import { encodeTelemetry } from '@covey/protocol/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthorityFiles } from '../identity/index.ts';
import { type ApiFixture, apiFixture, callApi } from './api.fixture.ts';

let fixture: ApiFixture;
beforeEach(async () => {
  fixture = await apiFixture(['edge-1', 'edge-2', 'lab-1']);
  for (const device of ['edge-1', 'edge-2', 'lab-1']) await fixture.fleet.connect(device);
});
afterEach(() => fixture.close());

const call = (method: Parameters<typeof callApi>[1], url: string, body?: unknown) =>
  callApi(fixture, method, url, body);
const to = { mqttUrl: 'mqtts://new:8883', deviceUrl: 'https://new:8443' };
const told = (device: string) => fixture.fleet.received<Desired>(device, 'desired');
/** What an idle device says of its link. */
async function report(device: string, link: Desired['link'], state: string, reason?: string): Promise<void> {
  const seq = fixture.fleet.nextSeq(device);
  const reported = {
    ...{ generation: 0, state: 'idle', probe: [], serving: [], releaseId: null, runtimeDeaths: 0 },
    link: { id: link?.id, state, ...(reason && { reason }) },
  };
  await fixture.fleet.send(device, 'reported', { seq, bootId: 'boot', at: 1, reported });
  await fixture.world.advance(2_000);
}

/** Of 1970. */
const expired = await createAuthorityFiles(systemRandom, 0);

describe('a change of the addresses of the controller', () => {
  it('tells one device, and the others when that has kept it; also devices that nothing was ordered for', async () => {
    const { status, body } = await call('POST', '/v1/link-changes', to);
    expect([status, body.state, body.waves.length]).toEqual([200, 'running', 2]);
    await fixture.world.advance(1_000);
    const first = told('edge-1');
    expect(checkDocument(DesiredSchema, first, 'desired state').link).toMatchObject({
      ...to,
      id: body.id,
      withinMs: 900_000,
    });
    expect(first?.generation).toBe(0);
    expect(told('edge-2')).toBeUndefined();
    await report('edge-1', first?.link, 'pending');
    expect((await call('GET', '/v1/devices/edge-1')).body.link).toMatchObject({
      wanted: { id: body.id, ...to },
      reported: { state: 'pending', reason: null },
    });
    await report('edge-1', first?.link, 'kept');
    for (const device of ['edge-2', 'lab-1']) await report(device, told(device)?.link, 'kept');
    const { body: ended } = await call('GET', `/v1/link-changes/${body.id}`);
    expect(ended).toMatchObject({ state: 'finished', wave: 1 });
    const { body: audit } = await call('GET', '/v1/audit');
    const actions = audit.entries.map(
      ({ action, actor }: { action: string; actor: string }) => `${actor} ${action}`,
    );
    expect(actions.slice(0, 2)).toEqual(['system link.finished', 'admin link.create']);
  });

  it('ends with the device that took it back; nobody else is told, and it is told no more', async () => {
    const { body } = await call('POST', '/v1/link-changes', { ...to, selector: 'all' });
    await fixture.world.advance(1_000);
    await report('edge-1', told('edge-1')?.link, 'takenBack', 'no contact by mqtts://new:8883 within 900 s');
    const { body: ended } = await call('GET', `/v1/link-changes/${body.id}`);
    expect(ended).toMatchObject({
      state: 'stopped',
      reason: expect.stringContaining('edge-1: no contact by'),
    });
    expect(told('edge-2')).toBeUndefined();
    const { body: device } = await call('GET', '/v1/devices/edge-1');
    expect(device.link).toMatchObject({ wanted: null, reported: { state: 'takenBack' } });
  });

  it('ends at once with a device that refuses its desired state, which is given to it anew without', async () => {
    const { body } = await call('POST', '/v1/link-changes', to);
    await fixture.world.advance(1_000);
    const { link, now: _now, ...nothing } = told('edge-1') ?? {};
    expect(link?.id).toBe(body.id);
    // Meanwhile a rollout wants something of it, which it refuses with all else.
    const desired = JSON.stringify({ ...nothing, generation: 1 });
    await fixture.storage.db.updateTable('devices').set({ desired }).where('id', '=', 'edge-1').execute();
    const value = { kind: 'desired-refused', message: 'desired state: link is wrong' };
    const sent = { seq: BigInt(fixture.fleet.nextSeq('edge-1')), bootId: 'boot', atMs: 1 };
    const bytes = await encodeTelemetry({ ...sent, body: { case: 'event', value } });
    await fixture.fleet.send('edge-1', 'event', bytes);
    await fixture.world.advance(2_000);
    const { body: ended } = await call('GET', `/v1/link-changes/${body.id}`);
    const reason = 'it refused what it was told: desired state: link is wrong';
    expect(ended).toMatchObject({ state: 'stopped', reason: `device edge-1: ${reason}` });
    expect(ended.waves[0].devices).toEqual([{ device: 'edge-1', state: 'takenBack', reason }]);
    expect(told('edge-1')).toMatchObject({ generation: 1 });
    expect(told('edge-1')?.link).toBeUndefined();
  });

  it('that was stopped still learns what became of a device that had begun', async () => {
    const { body } = await call('POST', '/v1/link-changes', to);
    await fixture.world.advance(1_000);
    const link = told('edge-1')?.link;
    await report('edge-1', link, 'pending');
    await call('POST', `/v1/link-changes/${body.id}/stop`);
    await report('edge-1', link, 'kept');
    const { body: ended } = await call('GET', `/v1/link-changes/${body.id}`);
    expect(ended).toMatchObject({ state: 'stopped', reason: 'admin stopped it' });
    expect(ended.waves[0].devices).toMatchObject([{ device: 'edge-1', state: 'kept' }]);
  });

  it('can be stopped, once; and two do not move the same device', async () => {
    const { body } = await call('POST', '/v1/link-changes', to);
    expect(await call('POST', '/v1/link-changes', { ...to, selector: 'id=lab-1' })).toMatchObject({
      body: { code: 'CONFLICT', message: expect.stringContaining(body.id) },
    });
    const stopped = await call('POST', `/v1/link-changes/${body.id}/stop`);
    expect(stopped.body).toMatchObject({ state: 'stopped', reason: 'admin stopped it' });
    expect(await call('POST', `/v1/link-changes/${body.id}/stop`)).toMatchObject({
      body: { code: 'CONFLICT' },
    });
    expect((await call('GET', '/v1/link-changes')).body.linkChanges).toEqual([stopped.body]);
    expect((await call('POST', '/v1/link-changes', to)).status).toBe(200);
  });

  it('is shown before it begins; where no address is given, those are taken that devices are told that enrol', async () => {
    const { body } = await call('POST', '/v1/link-changes/preview', { waves: [{ count: 2 }] });
    expect(body).toMatchObject({ mqttUrl: 'mqtts://c:8883', deviceUrl: 'https://c:8443' });
    expect(body.waves.map(({ devices }: { devices: unknown[] }) => devices.length)).toEqual([2, 1]);
    expect((await call('GET', '/v1/link-changes')).body.linkChanges).toEqual([]);
  });

  it.each([
    ['an address without TLS', { mqttUrl: 'mqtt://new:1883' }, 'INVALID_DOCUMENT'],
    ['one with a password', { mqttUrl: 'mqtts://a:b@new:8883' }, 'INVALID_DOCUMENT'],
    ['a port above 65535', { mqttUrl: 'mqtts://127.0.0.1:99999' }, 'INVALID_DOCUMENT'],
    ['port 0', { mqttUrl: 'mqtts://127.0.0.1:0' }, 'INVALID_DOCUMENT'],
    ['a host that is an option', { mqttUrl: 'mqtts://-oProxyCommand:1' }, 'INVALID_DOCUMENT'],
    ['a host with a line end', { deviceUrl: 'https://h%0d%0aX:1' }, 'INVALID_DOCUMENT'],
    ['one too long', { deviceUrl: `https://${'x'.repeat(limits.urlChars)}` }, 'INVALID_DOCUMENT'],
    ['no time', { withinMs: 0 }, 'INVALID_DOCUMENT'],
    ['no waves', { waves: [] }, 'INVALID_DOCUMENT'],
    ['what is no authority', { caPem: 'PEM' }, 'INVALID_ARGUMENT'],
    ['an expired authority', { caPem: expired.certificate }, 'INVALID_ARGUMENT'],
    ['a group of nobody', { selector: 'site=moon' }, 'NOT_FOUND'],
  ])('is refused with %s', async (_what, change, code) => {
    for (const url of ['/v1/link-changes', '/v1/link-changes/preview'])
      expect(await call('POST', url, { ...to, ...change })).toMatchObject({ body: { code } });
  });

  it('is not known: NOT_FOUND', async () => {
    expect((await call('GET', '/v1/link-changes/link-0')).body.code).toBe('NOT_FOUND');
  });
});
