import { firstUpload } from '@covey/bundle/tuf';
import { type ErrorCode, errorCatalogue } from '@covey/protocol';
import { WhyAnswer } from '@covey/protocol/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publisher, requestFor, rootSigner } from '../trust.fixture.ts';
import { type ApiFixture, apiFixture, callApi, publishBundle } from './api.fixture.ts';
import { testBundle } from './domain.fixture.ts';

let fixture: ApiFixture;
beforeEach(async () => {
  fixture = await apiFixture(['edge-1', 'edge-2', 'lab-1']);
});
afterEach(() => fixture.close());

const call = (method: Parameters<typeof callApi>[1], url: string, body?: unknown) =>
  callApi(fixture, method, url, body);
const publish = (...of: Parameters<typeof testBundle>) => publishBundle(fixture, testBundle(...of));

describe('access', () => {
  it('needs the token for all of /v1 and nothing else', async () => {
    for (const authorization of ['', 'Bearer wrong', `Basic ${fixture.token}`, `Bearer ${fixture.token}x`]) {
      const answer = await fixture.server.inject({ url: '/v1/models', headers: { authorization } });
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED', remedy: expect.any(String) });
    }
    expect((await call('GET', '/v1/models')).status).toBe(200);
    expect((await fixture.server.inject('/healthz')).json()).toMatchObject({ status: 'ok' });
    expect((await fixture.server.inject('/enrol/ca')).body).toContain('BEGIN CERTIFICATE');
  });

  it('tells an address that guesses to wait, and still takes the right token', async () => {
    const guess = () => fixture.server.inject({ url: '/v1/models', headers: { authorization: 'Bearer no' } });
    for (let i = 0; i < 30; i++) await guess();
    expect((await guess()).json()).toMatchObject({ code: 'OVERLOADED' });
    expect((await call('GET', '/v1/models')).status).toBe(200);
    await fixture.world.advance(60_000);
    expect((await guess()).json()).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('errors', () => {
  it('have the form, status and remedy of the catalogue', async () => {
    const cases: [Promise<{ status: number; body: unknown }>, ErrorCode][] = [
      [call('GET', '/v1/nothing'), 'NOT_FOUND'],
      [call('GET', '/v1/models/none'), 'NOT_FOUND'],
      [call('GET', '/v1/summaries/none'), 'NOT_FOUND'],
      [call('GET', '/v1/why/lab-1/none'), 'NOT_FOUND'],
      [call('GET', '/v1/models/%zz'), 'INVALID_DOCUMENT'],
      [call('GET', '/v1/devices/UPPER'), 'INVALID_DOCUMENT'],
      [call('GET', '/v1/devices?selector=nonsense'), 'INVALID_ARGUMENT'],
      [call('POST', '/v1/rollouts', { model: 'bearing' }), 'INVALID_DOCUMENT'],
      [call('PUT', `/v1/chunks/${'0'.repeat(64)}`, new Uint8Array(8)), 'BUNDLE_CORRUPT'],
      [call('PUT', `/v1/chunks/${'0'.repeat(64)}`, new Uint8Array(2 ** 20 + 1)), 'PAYLOAD_TOO_LARGE'],
      [call('PUT', `/v1/chunks/${'0'.repeat(64)}`, { not: 'bytes' }), 'INVALID_DOCUMENT'],
      [call('GET', '/v1/metrics?from=5&to=5'), 'INVALID_ARGUMENT'],
    ];
    for (const [answer, code] of cases) {
      const { status, body } = await answer;
      expect([body, status]).toEqual([
        { code, message: expect.any(String), remedy: errorCatalogue[code].remedy },
        errorCatalogue[code].status,
      ]);
    }
  });

  it('name the field that is wrong', async () => {
    const { body } = await call('POST', '/v1/rollouts', {
      model: 'bearing',
      version: '1.0.0',
      gate: { timeoutMs: -1 },
    });
    expect(body.message).toContain('gate.timeoutMs');
  });

  it('are documented with all their codes', async () => {
    const { body } = await call('GET', '/docs/json');
    const { schema } = body.paths['/v1/models'].get.responses['4XX'].content['application/json'];
    expect(schema.properties.code.enum).toEqual(Object.keys(errorCatalogue));
    const routes = Object.entries<Record<string, { responses: object }>>(body.paths).filter(([path]) =>
      path.startsWith('/v1'),
    );
    expect(routes.length).toBeGreaterThan(20);
    for (const [, methods] of routes)
      for (const { responses } of Object.values(methods)) expect(Object.keys(responses)).toContain('4XX');
  });
});

describe('publishing', () => {
  it('takes chunks, then the manifest and what lists it, once', async () => {
    expect(await publish('1.0.0')).toMatchObject({ status: 200, body: { number: 1, version: '1.0.0' } });
    expect(await publish('1.0.0')).toMatchObject({ status: 200, body: { number: 1 } });
    expect(await publish('1.0.0', { bias: 2 })).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect(await publish('1.1.0', { bias: 2 })).toMatchObject({ body: { number: 2 } });
    const { body } = await call('GET', '/v1/models/bearing/versions/2');
    expect(body).toMatchObject({ version: '1.1.0', schema: { inputs: [{ name: 'x', shape: [-1, 4] }] } });
  });

  it('refuses what is incomplete, unsigned, or another model', async () => {
    const bundle = testBundle('1.0.0');
    const request = await requestFor(fixture.domain.trust, bundle, fixture.world.clock.now());
    expect(await call('POST', '/v1/models/bearing/versions', request)).toMatchObject({
      body: { code: 'BUNDLE_INCOMPLETE', message: expect.stringContaining('of 1 chunks') },
    });
    expect(await call('POST', '/v1/models/other/versions', request)).toMatchObject({
      body: { code: 'INVALID_DOCUMENT' },
    });
    const forged = structuredClone(request);
    for (const signature of forged.targets.bearing?.signatures ?? []) signature.sig = '00'.repeat(64);
    expect(await call('POST', '/v1/models/bearing/versions', forged)).toMatchObject({
      body: { code: 'TRUST_SIGNATURE' },
    });
    expect(await call('POST', '/v1/models/bearing/versions', { ...request, targets: {} })).toMatchObject({
      body: { code: 'TRUST_UNKNOWN' },
    });
  });

  it('refuses files that are no model, or not the one the manifest describes', async () => {
    const tensor = (name: string) => ({ name, datatype: 'FP32' as const, shape: [-1, 5] });
    const schema = { inputs: [tensor('x')], outputs: [tensor('y')] };
    expect((await publish('1.0.0', { schema })).body).toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('variant fp32'),
    });
    expect((await publish('1.0.0', { bytes: new Uint8Array(100) })).body.code).toBe('MODEL_INVALID');
    expect((await call('GET', '/v1/models')).body.models).toEqual([]);
  });

  it('moves channels, which name versions from then on', async () => {
    await publish('1.0.0');
    await publish('1.1.0', { bias: 2 });
    await call('PUT', '/v1/models/bearing/channels/stable', { version: '1.0.0' });
    const { body } = await call('PUT', '/v1/models/bearing/channels/stable', { version: '2' });
    expect(body.channels).toEqual({ stable: '1.1.0' });
    expect((await call('GET', '/v1/models/bearing/versions/stable')).body.number).toBe(2);
    expect((await call('PUT', '/v1/models/bearing/channels/2x', { version: '2' })).body.code).toBe(
      'INVALID_ARGUMENT',
    );
  });
});

describe('devices and rollouts', () => {
  it('selects, pages, tags and revokes devices', async () => {
    expect((await call('GET', '/v1/devices?selector=site%3Dlab')).body.devices).toMatchObject([
      { id: 'lab-1', online: true },
    ]);
    const { body } = await call('GET', '/v1/devices?limit=2');
    expect([body.devices.length, body.next]).toEqual([2, 'edge-2']);
    expect((await call('GET', `/v1/devices?limit=2&after=${body.next}`)).body).toMatchObject({
      devices: [{ id: 'lab-1' }],
      next: null,
    });
    const patched = await call('PATCH', '/v1/devices/edge-1', { tags: { line: '3', site: null } });
    expect(patched.body.tags).toEqual({ line: '3' });
    expect((await call('DELETE', '/v1/devices/edge-1')).status).toBe(204);
    expect(fixture.disconnected).toContain('edge-1');
    expect((await call('GET', '/v1/devices/edge-1')).body.revokedAt).toEqual(expect.any(Number));
    expect((await call('DELETE', '/v1/devices/edge-1')).body.code).toBe('NOT_FOUND');
  });

  it('rolls out by channel, answers why, and takes back', async () => {
    await publish('1.0.0');
    await call('PUT', '/v1/models/bearing/channels/stable', { version: '1' });
    const { body: rollout } = await call('POST', '/v1/rollouts', {
      model: 'bearing',
      version: 'stable',
      selector: 'site=lab',
    });
    expect(rollout).toMatchObject({
      state: 'running',
      plan: { version: '1.0.0' },
      waves: [{ state: 'moving' }],
    });
    await fixture.world.advance(100);
    await fixture.fleet.report('lab-1', 'committed', { proof: 'unproven' });
    await fixture.world.advance(1_000);
    expect((await call('GET', `/v1/rollouts/${rollout.id}`)).body.state).toBe('succeeded');
    expect((await call('GET', '/v1/rollouts?model=other')).body.rollouts).toEqual([]);
    const why = WhyAnswer.parse((await call('GET', '/v1/why/lab-1/bearing')).body);
    expect(why.statements.slice(0, 3)).toEqual([
      'lab-1 serves bearing 1.0.0 (fp32 on cpu).',
      `It is to serve 1.0.0, set by rollout ${rollout.id}.`,
      'Its last update is committed and unproven.',
    ]);
    const unknown = await call('POST', '/v1/rollbacks', { model: 'absent', selector: 'site=lab' });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'NOT_FOUND']);
    const back = await call('POST', '/v1/rollbacks', { model: 'bearing', selector: 'site=lab' });
    // A first install is not taken off: it would leave the device with nothing.
    expect([back.status, back.body.code]).toEqual([409, 'CONFLICT']);
    const actions = (await call('GET', '/v1/audit')).body.entries.map(
      (entry: { action: string }) => entry.action,
    );
    expect(actions).toEqual(expect.arrayContaining(['version.publish', 'channel.move', 'rollout.create']));
  });

  it('tells who waits that something changed', async () => {
    const { body } = await call('GET', '/v1/changes');
    const waiting = call('GET', `/v1/changes?after=${body.cursor}`);
    await call('PATCH', '/v1/devices/edge-1', { tags: { line: '1' } });
    expect((await waiting).body.changes).toEqual([{ kind: 'device', id: 'edge-1' }]);
  });
});

describe('trust and enrolment tokens', () => {
  it('gives tokens once there is a root of trust', async () => {
    await fixture.storage.db.deleteFrom('trust_files').execute();
    expect((await call('GET', '/v1/trust')).body).toMatchObject({ rootDigest: null, roles: [] });
    expect((await call('POST', '/v1/tokens', {})).body.code).toBe('CONFLICT');
    const { onlineKey } = (await call('GET', '/v1/trust')).body;
    const { keyid: _, ...key } = onlineKey;
    const one = (signer: typeof publisher) => ({ signers: [signer], threshold: 1 });
    const offline = { root: one(rootSigner), targets: one(publisher) };
    const upload = await firstUpload(offline, key, fixture.world.clock.now());
    const made = (await call('POST', '/v1/trust', upload)).body;
    expect(made.roles.map(({ name, version }: { name: string; version: number }) => [name, version])).toEqual(
      [
        ['root', 1],
        ['targets', 1],
        ['snapshot', 1],
        ['timestamp', 1],
      ],
    );
    const { body } = await call('POST', '/v1/tokens', { tags: { site: 'lab' } });
    expect(body.token).toMatch(/^covey1\./);
    expect(body.expiresAt).toBe(fixture.world.clock.now() + 3_600_000);
  });

  it('bounds how often an address may try to enrol', async () => {
    const attempt = () => fixture.server.inject({ method: 'POST', url: '/enrol', payload: { secret: 'x' } });
    expect((await attempt()).json().code).toBe('INVALID_DOCUMENT');
    for (let i = 0; i < 119; i++) await attempt();
    expect((await attempt()).json().code).toBe('OVERLOADED');
  });
});
