import type { Desired } from '@covey/protocol';
import { RolloutPlan } from '@covey/protocol/api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { explainServing } from '../monitoring/index.ts';
import { type DomainFixture, domainFixture } from './domain.fixture.ts';

const devices = ['edge-1', 'edge-2', 'edge-3'];
const plan = (version: string, overrides: object = {}) =>
  RolloutPlan.parse({
    ...{ model: 'bearing', version, gate: { timeoutMs: 60_000 }, soak: { maxDurationMs: 30_000 } },
    ...overrides,
  });

let fixture: DomainFixture;
beforeEach(async () => {
  fixture = await domainFixture(devices);
  for (const version of ['1.0.0', '1.1.0'])
    await fixture.publish(version, { bias: Number(version.slice(2, 3)) });
});
afterEach(() => fixture.close());

/** Brings all devices to a version, proven. */
async function install(version: string): Promise<string> {
  const { id } = await fixture.domain.rollouts.create(plan(version, { waves: [] }), 'admin');
  await fixture.world.advance(1_000);
  for (const device of devices) await fixture.fleet.report(device, 'committed', { proof: 'proven' });
  await fixture.world.advance(1_000);
  expect((await fixture.domain.rollouts.view(id)).state).toBe('succeeded');
  return id;
}

it("of what every device is to run already has succeeded at once, moves nobody, and is nobody's reason to serve it", async () => {
  const first = await install('1.0.0');
  const generation = fixture.fleet.received<Desired>('edge-1', 'desired')?.generation;
  await fixture.domain.rollouts.check(plan('1.0.0'));
  const again = await fixture.domain.rollouts.create(plan('1.0.0'), 'admin');
  expect(again).toMatchObject({
    ...{ begun: false, state: 'succeeded', waves: [] },
    reason: 'nothing to do: 3 of 3 devices of all were to run bearing 1.0.0 already',
  });
  expect(again.id).not.toBe(first);
  await fixture.world.advance(60_000);
  expect(await fixture.domain.rollouts.view(again.id)).toMatchObject({
    state: 'succeeded',
    wave: 0,
    waves: [],
  });
  expect(fixture.fleet.received<Desired>('edge-1', 'desired')?.generation).toBe(generation);
  const { entries } = await queryAudit(fixture.storage.db, {
    ...{ subject: `rollout:${again.id}`, limit: 10 },
  });
  expect(entries).toMatchObject([{ action: 'rollout.create', detail: { reason: again.reason } }]);
  const why = await explainServing(fixture.storage.db, fixture.domain.rollouts, {
    ...{ device: 'edge-1', model: 'bearing' },
  });
  expect(why.wanted?.setBy).toEqual({ kind: 'rollout', id: first });
  expect(JSON.stringify(why)).not.toContain(again.id);
});

it('is joined while it is bringing that, which may still fail; and nothing is promised while another takes it away', async () => {
  const first = await fixture.domain.rollouts.create(plan('1.0.0', { waves: [] }), 'admin');
  expect(first.begun).toBe(true);
  const joined = { id: first.id, state: 'running', begun: false };
  expect(await fixture.domain.rollouts.create(plan('1.0.0'), 'admin')).toMatchObject(joined);
  await fixture.domain.rollouts.order(first.id, 'pause', 'admin');
  const paused = { ...joined, state: 'paused' };
  expect(await fixture.domain.rollouts.create(plan('1.0.0'), 'admin')).toMatchObject(paused);
  await fixture.domain.rollouts.order(first.id, 'abort', 'admin');
  await fixture.world.advance(61_000);
  await install('1.0.0');
  const away = await fixture.domain.rollouts.create(plan('1.1.0'), 'admin');
  const staying = plan('1.0.0', { selector: 'id=edge-3' });
  await expect(fixture.domain.rollouts.create(staying, 'admin')).rejects.toMatchObject({
    ...{ code: 'CONFLICT', message: expect.stringContaining(away.id) },
  });
  await expect(fixture.domain.rollouts.check(staying)).rejects.toMatchObject({ code: 'CONFLICT' });
});

it('is the same rollout for whoever asks again, at once or between its waves, and another where it does not reach all', async () => {
  const byOne = plan('1.0.0', { waves: [{ count: 1 }] });
  const asked = await Promise.all([1, 2, 3, 4].map(() => fixture.domain.rollouts.create(byOne, 'admin')));
  expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
  expect(asked.filter(({ begun }) => begun)).toHaveLength(1);
  const id = asked[0]?.id ?? '';
  await fixture.world.advance(1_000);
  for (const selector of ['all', 'id=edge-1', 'id=edge-3']) {
    const again = await fixture.domain.rollouts.create(plan('1.0.0', { selector }), 'admin');
    expect([again.id, again.begun], selector).toEqual([id, false]);
  }
  await fixture.domain.rollouts.order(id, 'pause', 'admin');
  expect(await fixture.domain.rollouts.create(byOne, 'admin')).toMatchObject({ id, state: 'paused' });
  await expect(fixture.domain.rollouts.create(plan('1.1.0'), 'admin')).rejects.toMatchObject({
    ...{ code: 'CONFLICT', message: expect.stringContaining(id) },
  });
});
