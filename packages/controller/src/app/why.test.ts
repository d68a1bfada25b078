import { createHash } from 'node:crypto';
import { canonicalJson, type Desired, type Reported } from '@covey/protocol';
import { RolloutPlan, type WhyAnswer } from '@covey/protocol/api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { deviceView } from '../fleet/index.ts';
import { explainServing } from '../monitoring/index.ts';
import { type DomainFixture, domainFixture } from './domain.fixture.ts';

const plan = (model: string, version: string) =>
  RolloutPlan.parse({
    ...{ model, version, selector: 'id=edge-1', waves: [] },
    ...{ gate: { timeoutMs: 60_000 }, soak: { maxDurationMs: 30_000 } },
  });

let fixture: DomainFixture;
beforeEach(async () => {
  fixture = await domainFixture(['edge-1', 'edge-2']);
  for (const [index, version] of ['1.0.0', '1.1.0', '1.2.0'].entries()) {
    await fixture.publish(version, { bias: index });
    await fixture.publish(version, { bias: index, model: 'mnist' });
  }
});
afterEach(() => fixture.close());

const why = (model: string, device = 'edge-1'): Promise<WhyAnswer> =>
  explainServing(fixture.storage.db, fixture.domain.rollouts, { device, model });

const lines = ({ history }: WhyAnswer, source: string) =>
  history.filter((entry) => entry.source === source).map(({ message }) => message);

async function report(state: Reported['state'], change: Partial<Reported> = {}): Promise<void> {
  await fixture.fleet.report('edge-1', state, change);
  await fixture.world.advance(1_000);
}

async function begin(model: string, version: string): Promise<string> {
  const { id } = await fixture.domain.rollouts.create(plan(model, version), 'admin');
  await fixture.world.advance(1_000);
  return id;
}

async function bring(model: string, version: string, proof: 'proven' | 'unproven' = 'proven') {
  const id = await begin(model, version);
  await report('committed', { proof });
  expect((await fixture.domain.rollouts.view(id)).state).toBe('succeeded');
  return id;
}

async function rollBack(model: string): Promise<string> {
  const { id } = await fixture.domain.rollouts.rollBack({ model, selector: 'id=edge-1' }, 'admin');
  await fixture.world.advance(1_000);
  return id;
}

/** The order does not work out: the device goes back to what it served. */
async function fail(model: string, version: string): Promise<string> {
  const kept = (await deviceView(fixture.storage.db, 'edge-1')).reported?.serving ?? [];
  const id = await begin(model, version);
  const serving = kept.map(({ threads: _, ...served }) => served);
  await report('reverted', { serving, reason: { code: 'DISAGREES', message: 'disagrees' } });
  return id;
}

it('tells of every rollout that came to the device, also of those with an outcome that a later one followed', async () => {
  const first = await bring('bearing', '1.0.0', 'unproven');
  const second = await bring('bearing', '1.1.0');
  const third = await fail('bearing', '1.2.0');
  expect(lines(await why('bearing'), 'rollout').toSorted()).toEqual(
    [
      `${first} to 1.0.0 is succeeded, this device unproven: first install: too few requests to judge it by, and no version to compare with`,
      `${second} to 1.1.0 is succeeded, this device proven`,
      `${third} to 1.2.0 is reverted, this device failed: did not keep 1.2.0: disagrees`,
    ].toSorted(),
  );
});

it('does not tell of a rollout that never came to the device', async () => {
  const waves = [{ count: 1 }];
  const both = { ...plan('bearing', '1.0.0'), selector: 'all', waves };
  const { id } = await fixture.domain.rollouts.create(both, 'admin');
  await fixture.world.advance(1_000);
  expect(lines(await why('bearing', 'edge-2'), 'rollout')).toEqual([]);
  expect(lines(await why('bearing'), 'rollout')).toEqual([`${id} to 1.0.0 is running, this device moving`]);
});

it("names who set this model's version, whatever was ordered for another since", async () => {
  await bring('bearing', '1.0.0');
  const bearing = await bring('bearing', '1.1.0');
  const { wanted } = await why('bearing');
  await bring('mnist', '1.0.0', 'unproven');
  await bring('mnist', '1.1.0');
  const rollback = await rollBack('mnist');
  expect((await why('bearing')).wanted).toEqual({ ...wanted, setBy: { kind: 'rollout', id: bearing } });
  expect((await why('bearing')).statements[1]).toBe(`It is to serve 1.1.0, set by rollout ${bearing}.`);
  expect((await why('mnist')).statements[1]).toBe(`It is to serve 1.0.0, set by rollback ${rollback}.`);
  await report('committed', { proof: 'unproven' });
  const back = await rollBack('bearing');
  const failed = await fail('mnist', '1.2.0');
  expect((await why('bearing')).wanted?.setBy).toEqual({ kind: 'rollback', id: back });
  expect((await why('mnist')).wanted?.setBy).toEqual({ kind: 'rollback', id: failed });
  // It is the controller's own business.
  expect(fixture.fleet.received<Desired>('edge-1', 'desired')).not.toHaveProperty('orders');
});

/** Somebody installs a version of mnist on the device itself, which keeps what else it serves. */
async function installItself(version: string): Promise<void> {
  const { number, digest } = await fixture.domain.registry.version('mnist', version);
  const { reported } = await deviceView(fixture.storage.db, 'edge-1');
  const others = (reported?.serving ?? []).filter(({ model }) => model !== 'mnist');
  const models = [...others, { model: 'mnist', version, number, bundle: digest }].map((ref) => ({
    ...{ model: ref.model, version: ref.version, number: ref.number, bundle: ref.bundle },
  }));
  const releaseId = createHash('sha256').update(canonicalJson(models)).digest('hex');
  const serving = models.map((ref) => ({ ...ref, variant: 'fp32', provider: 'cpu' as const }));
  await report('committed', { generation: 2 ** 20, releaseId, serving });
}

it('names who installed a model on the device itself as who set that one, and no other', async () => {
  const bearing = await bring('bearing', '1.0.0');
  await installItself('1.1.0');
  expect((await why('bearing')).wanted?.setBy).toEqual({ kind: 'rollout', id: bearing });
  const mnist = await why('mnist');
  expect(mnist.wanted?.setBy).toEqual({ kind: 'operator', id: 'on edge-1 itself' });
  expect(mnist.statements[2]).toBe('Its last update is committed.');
  expect(lines(mnist, 'audit')[0]).toBe('device:edge-1: installed 1.1.0 on itself');
  expect(lines(await why('mnist', 'edge-2'), 'audit').join('\n')).not.toContain('on itself');
});

it('knows the answer to an order that went out anew, above what was installed on the device itself', async () => {
  await bring('bearing', '1.0.0');
  await begin('bearing', '1.1.0');
  await installItself('1.1.0');
  expect((await why('bearing')).statements[2]).toMatch(/^It has not yet /);
  await report('committed', { proof: 'proven' });
  expect((await why('bearing')).statements[2]).toBe('Its last update is committed and proven.');
});

it("says of a model what its own rollout found, not what came of another model's update", async () => {
  const bearing = await bring('bearing', '1.0.0', 'unproven');
  await bring('mnist', '1.0.0');
  expect(await why('mnist')).toMatchObject({ proof: 'proven' });
  const first = await why('bearing');
  expect(first.proof).toBe('unproven');
  expect(first.statements.slice(2)).toEqual([
    `In ${bearing} to 1.0.0: unproven, first install: too few requests to judge it by, and no version to compare with.`,
  ]);
  const evidence = {
    ...{
      verdict: 'pass' as const,
      samples: 50,
      agreement: 1,
      agreementInterval: [0.9, 1] as [number, number],
    },
    ...{ errors: 0, requests: 60, errorRateInterval: [0, 0.1] as [number, number] },
    ...{ latencyRatio: 1, slower: 0, outputShift: 0 },
  };
  const second = await begin('bearing', '1.1.0');
  expect((await why('bearing')).statements[2]).toMatch(/^It has not yet /);
  await report('committed', { proof: 'proven', evidence });
  expect((await why('bearing')).statements.slice(2)).toEqual(['Its last update is committed and proven.']);
  await begin('mnist', '1.1.0');
  await report('deferred', { reason: { code: 'HELD_LOCALLY', message: 'held on the device' } });
  const answer = await why('bearing');
  expect(answer).toMatchObject({ proof: 'proven', evidence });
  expect(answer.statements.slice(2)).toEqual([`In ${second} to 1.1.0: proven.`]);
  expect((await why('mnist')).statements[2]).toBe('Its last update is deferred: held on the device.');
});

it("speaks of another model's update as that, where this model is not yet what it is to be", async () => {
  await bring('bearing', '1.0.0');
  await bring('bearing', '1.1.0');
  await bring('mnist', '1.0.0');
  const { reported } = await deviceView(fixture.storage.db, 'edge-1');
  await rollBack('bearing');
  await begin('mnist', '1.1.0');
  const serving = (reported?.serving ?? []).map(({ threads: _, ...served }) => served);
  await report('deferred', { serving, reason: { code: 'HELD_LOCALLY', message: 'held' } });
  const { statements } = await why('bearing');
  expect(statements[2]).toBe('The last update of edge-1, of mnist, is deferred: held.');
});

it('leaves what a rollout found to history once another order for the model has come', async () => {
  await bring('bearing', '1.0.0');
  const failed = await fail('bearing', '1.1.0');
  expect((await why('bearing')).statements.join('\n')).toContain(`In ${failed} to 1.1.0: did not keep 1.1.0`);
  await report('committed', { proof: 'unproven' });
  await bring('bearing', '1.2.0');
  const answer = await why('bearing');
  expect(answer.statements.join('\n')).not.toContain(failed);
  expect(lines(answer, 'rollout').join('\n')).toContain(failed);
  await rollBack('bearing');
  expect((await why('bearing')).statements.join('\n')).not.toMatch(/In rollout-/);
});

it('says in sentences what is in the audit, as far as it concerns the device', async () => {
  await fixture.domain.registry.setChannel('bearing', 'stable', '1.0.0', 'admin');
  await bring('bearing', '1.0.0');
  await bring('bearing', '1.1.0');
  const rollback = await rollBack('bearing');
  const audit = lines(await why('bearing'), 'audit');
  expect(audit.toSorted()).toEqual([
    'admin: published 1.0.0, which is number 1',
    'admin: published 1.1.0, which is number 2',
    'admin: published 1.2.0, which is number 3',
    'admin: set channel stable to 1.0.0',
    `admin: took 1.1.0 back to 1.0.0 on edge-1 by ${rollback}`,
  ]);
  expect(lines(await why('bearing', 'edge-2'), 'audit').join('\n')).not.toContain('took');
});
