import { createHash } from 'node:crypto';
import { canonicalJson, type Desired } from '@covey/protocol';
import { RolloutPlan } from '@covey/protocol/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { deviceView } from '../fleet/index.ts';
import { type DomainFixture, domainFixture } from './domain.fixture.ts';

const plan = (version: string, overrides: object = {}) =>
  RolloutPlan.parse({
    model: 'bearing',
    version,
    gate: { timeoutMs: 60_000 },
    soak: { maxDurationMs: 30_000 },
    ...overrides,
  });

let fixture: DomainFixture;
beforeEach(async () => {
  fixture = await domainFixture(['edge-1', 'edge-2', 'edge-3']);
  for (const version of ['1.0.0', '1.1.0', '1.2.0'])
    await fixture.publish(version, { bias: Number(version.slice(2, 3)) });
});
afterEach(() => fixture.close());

const desiredVersion = (device: string) =>
  fixture.fleet.received<Desired>(device, 'desired')?.release.models.find(({ model }) => model === 'bearing')
    ?.version;
const view = async (id: string) => fixture.domain.rollouts.view(id);

/** Brings all devices to a version, proven. */
async function install(version: string): Promise<string> {
  const { id } = await fixture.domain.rollouts.create(plan(version, { waves: [] }), 'admin');
  await fixture.world.advance(1_000);
  for (const device of ['edge-1', 'edge-2', 'edge-3'])
    await fixture.fleet.report(device, 'committed', { proof: 'proven' });
  await fixture.world.advance(1_000);
  expect((await view(id)).state).toBe('succeeded');
  return id;
}
const serving = (version: string, number: number) => [
  {
    model: 'bearing',
    version,
    number,
    bundle: '0'.repeat(64),
    variant: 'fp32',
    provider: 'cpu' as const,
  },
];

describe('a rollout through messages', () => {
  it('moves the fleet wave by wave and ends when all have proven it', async () => {
    await install('1.0.0');
    const { id } = await fixture.domain.rollouts.create(plan('1.1.0'), 'admin');
    await fixture.world.advance(100);
    expect(['edge-1', 'edge-2', 'edge-3'].map(desiredVersion)).toEqual(['1.1.0', '1.0.0', '1.0.0']);
    await fixture.fleet.report('edge-1', 'committed', { proof: 'proven' });
    await fixture.world.advance(1_000);
    expect(['edge-1', 'edge-2', 'edge-3'].map(desiredVersion)).toEqual(['1.1.0', '1.1.0', '1.1.0']);
    for (const device of ['edge-2', 'edge-3'])
      await fixture.fleet.report(device, 'committed', { proof: 'proven' });
    await fixture.world.advance(1_000);
    expect(await view(id)).toMatchObject({
      state: 'succeeded',
      waves: [{ state: 'passed' }, { state: 'passed' }],
    });
  });

  it('shows how far a device says it is, from its answer to the order until its outcome', async () => {
    await install('1.0.0');
    const { id } = await fixture.domain.rollouts.create(plan('1.1.0'), 'admin');
    const phases = async () => (await view(id)).waves.map(({ devices }) => devices.map(({ phase }) => phase));
    expect(await phases()).toEqual([[null], [null, null]]);
    await fixture.world.advance(100);
    for (const state of ['downloading', 'probing', 'soaking'] as const) {
      await fixture.fleet.report('edge-1', state, { serving: serving('1.0.0', 1) });
      expect(await phases()).toEqual([[state], [null, null]]);
    }
    const [listed] = await fixture.domain.rollouts.list({ limit: 1 });
    expect(listed?.waves[0]?.devices[0]).toMatchObject({ state: 'moving', phase: 'soaking' });
    await fixture.fleet.report('edge-1', 'committed', { proof: 'proven' });
    await fixture.world.advance(1_000);
    expect(await phases()).toEqual([[null], [null, null]]);
  });

  it('accepts a first install without traffic, and shows it as unproven', async () => {
    const { id } = await fixture.domain.rollouts.create(plan('1.0.0', { waves: [] }), 'admin');
    await fixture.world.advance(100);
    for (const device of ['edge-1', 'edge-2', 'edge-3'])
      await fixture.fleet.report(device, 'committed', { proof: 'unproven' });
    await fixture.world.advance(1_000);
    const { state, waves, reason } = await view(id);
    expect(state).toBe('succeeded');
    expect(waves[0]?.devices.map((device) => device.state)).toEqual(['unproven', 'unproven', 'unproven']);
    expect(reason).toContain('3 of 3 without proof');
  });

  it('takes a failing version back, also after a crash in the middle', async () => {
    await install('1.0.0');
    const { id } = await fixture.domain.rollouts.create(plan('1.1.0', { waves: [{ count: 2 }] }), 'admin');
    await fixture.world.advance(100);
    await fixture.fleet.report('edge-2', 'committed', { proof: 'proven' });
    await fixture.fleet.report('edge-1', 'reverted', {
      evidence: {
        ...{ verdict: 'fail', samples: 50, agreement: 0.41, agreementInterval: [0.2, 0.6], errors: 0 },
        ...{ requests: 60, errorRateInterval: [0, 0.1], latencyRatio: 1, slower: 0, outputShift: 0 },
      },
      reason: { code: 'DISAGREES', message: 'disagrees' },
      serving: serving('1.0.0', 1),
    });
    await fixture.restart();
    await fixture.world.advance(1_000);
    expect(['edge-1', 'edge-2', 'edge-3'].map(desiredVersion)).toEqual(['1.0.0', '1.0.0', '1.0.0']);
    expect(fixture.fleet.received<Desired>('edge-2', 'desired')?.setBy).toEqual({ kind: 'rollback', id });
    expect((await view(id)).state).toBe('reverting');
    await fixture.restart();
    await fixture.fleet.report('edge-2', 'committed', { proof: 'unproven' });
    await fixture.world.advance(1_000);
    expect(await view(id)).toMatchObject({
      state: 'reverted',
      reason: 'device edge-1: 1.1.0 agreed with 1.0.0 on 41 % of 50 mirrored inputs, 98 % needed',
    });
  });

  it('pauses when a device stays silent, and goes on when told to', async () => {
    const { id } = await fixture.domain.rollouts.create(plan('1.0.0'), 'admin');
    await fixture.world.advance(61_000);
    expect(await view(id)).toMatchObject({ state: 'paused', waves: [{ state: 'inconclusive' }, {}] });
    const resumed = await fixture.domain.rollouts.order(id, 'resume', 'admin');
    expect(resumed.waves.map(({ state }) => state)).toEqual(['accepted', 'moving']);
    await expect(fixture.domain.rollouts.order(id, 'resume', 'admin')).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  it('refuses a second rollout of the model on the same device, and an empty group', async () => {
    const { id } = await fixture.domain.rollouts.create(plan('1.0.0', { selector: 'id=edge-1' }), 'admin');
    for (const selector of ['all', 'id=edge-1'])
      await expect(
        fixture.domain.rollouts.create(plan('1.1.0', { selector }), 'admin'),
      ).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining(id) });
    await expect(
      fixture.domain.rollouts.create(plan('1.0.0', { selector: 'site=moon' }), 'admin'),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a rollback', () => {
  it('goes back one version at a time', async () => {
    await install('1.0.0');
    await install('1.1.0');
    await install('1.2.0');
    const first = await fixture.domain.rollouts.rollBack({ model: 'bearing', selector: 'all' }, 'admin');
    expect(first.devices.map(({ from, to }) => [from, to])).toEqual(Array(3).fill(['1.2.0', '1.1.0']));
    const second = await fixture.domain.rollouts.rollBack(
      { model: 'bearing', selector: 'id=edge-2' },
      'admin',
    );
    expect(second.devices).toMatchObject([{ device: 'edge-2', from: '1.1.0', to: '1.0.0' }]);
    await fixture.world.advance(100);
    expect(['edge-1', 'edge-2'].map(desiredVersion)).toEqual(['1.1.0', '1.0.0']);
  });

  it('aborts a rollout under way instead, and leaves the rest alone', async () => {
    await install('1.0.0');
    const { id } = await fixture.domain.rollouts.create(plan('1.1.0'), 'admin');
    await fixture.world.advance(100);
    const answer = await fixture.domain.rollouts.rollBack({ model: 'bearing', selector: 'all' }, 'admin');
    expect(answer).toMatchObject({
      aborted: [id],
      devices: [{ device: 'edge-1', from: '1.1.0', to: '1.0.0' }],
    });
    await fixture.world.advance(100);
    await fixture.fleet.report('edge-1', 'committed', { proof: 'unproven' });
    await fixture.world.advance(1_000);
    expect((await view(id)).state).toBe('reverted');
    expect(['edge-1', 'edge-2', 'edge-3'].map(desiredVersion)).toEqual(['1.0.0', '1.0.0', '1.0.0']);
  });

  it.each([
    ['a rollback', () => fixture.domain.rollouts.rollBack({ model: 'bearing', selector: 'all' }, 'admin')],
    [
      'the abort of a rollout',
      async () => {
        const { id } = await fixture.domain.rollouts.create(plan('1.2.0', { waves: [] }), 'admin');
        await fixture.world.advance(1_000);
        await fixture.fleet.report('edge-2', 'committed', { proof: 'proven' });
        return fixture.domain.rollouts.order(id, 'abort', 'admin');
      },
    ],
  ])(
    '%s that a device has not heard of is no evidence against the rollout it goes back to',
    async (_what, goBack) => {
      const first = await install('1.0.0');
      if (_what === 'a rollback') await install('1.1.0');
      await goBack();
      await fixture.world.advance(1_000);
      // edge-2 is away: what it said last is of before the order.
      for (const device of ['edge-1', 'edge-3']) await fixture.fleet.report(device, 'committed');
      await fixture.world.advance(120_000);
      expect((await view(first)).state).toBe('succeeded');
      expect(['edge-1', 'edge-2', 'edge-3'].map(desiredVersion)).toEqual(Array(3).fill('1.0.0'));
      const { digest, number } = await fixture.domain.registry.version('bearing', '1.1.0');
      const left = { ...serving('1.1.0', number)[0], bundle: digest } as ReturnType<typeof serving>[0];
      await fixture.fleet.report('edge-2', 'reverted', { serving: [left] });
      await fixture.world.advance(120_000);
      expect((await view(first)).state).toBe('succeeded');
      expect(['edge-1', 'edge-3'].map(desiredVersion)).toEqual(['1.0.0', '1.0.0']);
    },
  );

  it('says so when there is nothing to go back to', async () => {
    await expect(
      fixture.domain.rollouts.rollBack({ model: 'bearing', selector: 'all' }, 'admin'),
    ).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('not to run bearing') });
  });
});

describe('what somebody has installed on the device itself', () => {
  const refOf = async (version: string) => {
    const { number, digest } = await fixture.domain.registry.version('bearing', version);
    return { model: 'bearing', version, number, bundle: digest };
  };
  const installed = async (device: string, version: string, ahead = 2 ** 20) => {
    const ref = await refOf(version);
    const releaseId = createHash('sha256')
      .update(canonicalJson([ref]))
      .digest('hex');
    const serving = [{ ...ref, variant: 'fp32', provider: 'cpu' as const }];
    await fixture.fleet.report(device, 'committed', { generation: ahead, releaseId, serving });
    await fixture.world.advance(1_000);
  };

  it('is wanted from then on, is in the audit, and the next rollout goes above it, to the version before, too', async () => {
    await install('1.0.0');
    await installed('edge-1', '1.1.0');
    const device = await deviceView(fixture.storage.db, 'edge-1');
    expect(device.desired).toMatchObject({
      generation: 2 ** 20,
      models: [{ version: '1.1.0' }],
      setBy: { kind: 'operator', id: 'on edge-1 itself' },
    });
    const { entries } = await queryAudit(fixture.storage.db, { subject: 'model:bearing', limit: 1 });
    expect(entries).toMatchObject([{ actor: 'device:edge-1', action: 'device.install' }]);
    await fixture.domain.rollouts.create(plan('1.0.0', { selector: 'id=edge-1' }), 'admin');
    await fixture.world.advance(100);
    expect(fixture.fleet.received<Desired>('edge-1', 'desired')).toMatchObject({
      generation: 2 ** 20 + 1,
      release: { models: [{ version: '1.0.0' }] },
    });
  });

  it('does not stand against an order that had not reached the device: that goes out anew, above it', async () => {
    await install('1.0.0');
    const { id } = await fixture.domain.rollouts.create(plan('1.2.0', { selector: 'id=edge-1' }), 'admin');
    await fixture.world.advance(100);
    await installed('edge-1', '1.1.0');
    const desired = fixture.fleet.received<Desired>('edge-1', 'desired');
    expect(desired).toMatchObject({ generation: 2 ** 20 + 1, release: { models: [{ version: '1.2.0' }] } });
    await fixture.fleet.report('edge-1', 'committed', { proof: 'proven' });
    await fixture.world.advance(1_000);
    expect((await view(id)).state).toBe('succeeded');
  });

  it('takes the device out of the watch of what was rolled out before: what it does later undoes nothing elsewhere', async () => {
    await install('1.0.0');
    const id = await install('1.1.0');
    // Its runtime starts: not all is loaded that it has committed.
    const serving = [{ ...(await refOf('1.2.0')), variant: 'fp32', provider: 'cpu' as const }];
    await fixture.fleet.report('edge-1', 'committed', { generation: 2 ** 20, serving });
    await fixture.world.advance(60_000);
    expect((await view(id)).state).toBe('succeeded');
    await installed('edge-1', '1.2.0');
    await installed('edge-1', '1.1.0', 2 ** 20 + 1);
    const quarantined = [await refOf('1.1.0')];
    await fixture.fleet.report('edge-1', 'committed', { generation: 2 ** 20 + 1, serving: [], quarantined });
    await fixture.world.advance(60_000);
    expect((await view(id)).state).toBe('succeeded');
    expect(['edge-2', 'edge-3'].map(desiredVersion)).toEqual(['1.1.0', '1.1.0']);
  });

  it('is not followed where no device gets', async () => {
    await install('1.0.0');
    await installed('edge-1', '1.1.0', 2 ** 53);
    const device = await deviceView(fixture.storage.db, 'edge-1');
    expect(device.desired).toMatchObject({ generation: 1, models: [{ version: '1.0.0' }] });
  });
});
