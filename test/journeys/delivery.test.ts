import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseManifest } from '@covey/bundle';
import { DeviceView, EventsAnswer, type RolloutRequest, RolloutView, WhyAnswer } from '@covey/protocol/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { covey, until } from './harness.ts';
import { publishScaling } from './scaling-model.ts';
import { type StandingDevice, type StandingFleet, startStandingFleet } from './standing-fleet.ts';

const ballastBytes = 1_200_000;

describe('delivery, with real processes', () => {
  let fleet: StandingFleet;
  let [first, second] = [] as StandingDevice[];
  beforeAll(async () => {
    fleet = await startStandingFleet(2, undefined, ['--scrub', '100GB']);
    [first, second] = fleet.devices;
    for (const { id } of fleet.devices)
      await fleet.client.call({
        method: 'PATCH',
        path: `/devices/${id}`,
        body: { tags: { site: 'lab' } },
        answer: DeviceView,
      });
    await publishScaling(fleet, '1.0.0', { ballastBytes: 300_000 });
    await fleet.install('1.0.0');
  });
  afterAll(() => fleet.stop());

  const device = (which: StandingDevice | undefined): StandingDevice => {
    if (!which) throw new Error('the fleet has two devices');
    return which;
  };
  const start = (
    version: string,
    delivery: Partial<RolloutRequest['delivery']>,
    { selector = 'all', waves = [{ percent: 100 }] as RolloutRequest['waves'] } = {},
  ) =>
    fleet.client.call({
      method: 'POST',
      path: '/rollouts',
      body: {
        model: 'scaling',
        version,
        selector,
        waves,
        gate: { unprovenCounts: true, timeoutMs: 300_000 },
        soak: { minSamples: 1, maxDurationMs: 1_000 },
        delivery,
      },
      answer: RolloutView,
    });
  const deferred = (which: StandingDevice | undefined, code: string) =>
    until(`${which?.id} to be put off by ${code}`, async () => {
      const { reported } = await device(which).view();
      return reported?.state === 'deferred' && reported.reason?.code === code ? reported : undefined;
    });
  const members = async (id: string) => (await fleet.rollout(id)).waves.flatMap(({ devices }) => devices);

  test('a download that is killed goes on at the byte: what the rollout may fetch would not do for a second one', async () => {
    const { folder, id } = device(first);
    await publishScaling(fleet, '2.0.0', { ballastBytes });
    const budget = ballastBytes + 500_000;
    const rollout = await start(
      '2.0.0',
      { device: { bytesPerSecond: 300_000 }, rollout: { bytes: budget } },
      { selector: `id=${id}` },
    );
    const arrived = () => {
      const arriving = join(folder, 'bundles', 'arriving');
      return readdirSync(arriving).reduce((sum, name) => sum + statSync(join(arriving, name)).size, 0);
    };
    await until('half of it to arrive', async () => (arrived() > ballastBytes / 2 ? true : undefined));
    expect(await members(rollout.id)).toMatchObject([{ state: 'moving', phase: 'downloading' }]);
    await device(first).restart('SIGKILL');
    expect((await fleet.settled(rollout.id)).state).toBe('succeeded');
  });

  test('held on the device, then on a metered link, it is put off and no failure; then it goes on', async () => {
    const { folder, id } = device(first);
    await publishScaling(fleet, '3.0.0');
    const command = async (...args: string[]) =>
      expect((await covey([...args, '--data', folder])).code).toBe(0);
    await command('hold', '--for', '1h', '--reason', 'the press runs');
    await command('network', 'metered');
    const rollout = await start('3.0.0', { meteredLink: 'nothing' }, { selector: `id=${id}` });
    const held = await deferred(first, 'HELD_LOCALLY');
    expect(held.reason?.message).toMatch(/^held on the device: the press runs \(until /);
    const [member] = await members(rollout.id);
    expect(member).toMatchObject({ state: 'moving', reason: expect.stringContaining('the press runs') });
    const shown = await covey(['rollout', 'status', rollout.id, '--data', fleet.data]);
    expect(shown.stdout).toMatch(
      new RegExp(`1 moving +${id} +moving \\(deferred\\) .* put off: held on the device`),
    );
    const path = `/why/${id}/scaling`;
    const why = await fleet.client.call({ method: 'GET', path, answer: WhyAnswer });
    expect(why.statements.join('\n')).toContain(
      'Its last update is deferred: held on the device: the press runs',
    );
    await command('hold', '--release');
    await deferred(first, 'METERED_LINK');
    await command('network', 'unmetered');
    expect((await fleet.settled(rollout.id)).state).toBe('succeeded');
  });

  test('what a site may fetch does for one of its two devices; the other is put off', async () => {
    const siteBytes = 300_000;
    await publishScaling(fleet, '4.0.0', { ballastBytes: siteBytes });
    const rollout = await start('4.0.0', { site: { bytes: siteBytes * 1.4 } }, { waves: [{ count: 1 }] });
    const put = await until(
      'one to be served and one to be put off',
      async () => {
        const found = await members(rollout.id);
        const [served, waits] = ['unproven', 'moving'].map((state) =>
          found.find((member) => member.state === state),
        );
        return served && waits?.reason ? waits : undefined;
      },
      100_000,
    );
    expect(put.reason).toMatch(
      /^put off: site lab has fetched the 420000 bytes that it may; it asks again at /,
    );
    const aborted = await fleet.client.call({
      method: 'POST',
      path: `/rollouts/${rollout.id}/abort`,
      answer: RolloutView,
    });
    expect(['reverting', 'reverted']).toContain(aborted.state);
    await fleet.settled(rollout.id);
  }, 240_000);

  test('a byte that the disk has lost is found, and mended by the chunk that holds it', async () => {
    const { folder, id } = device(second);
    const bundles = join(folder, 'bundles');
    // Of the version that serves: what was taken back may be collected, damaged or not.
    const serving = (await device(second).view()).reported?.serving[0]?.bundle ?? '';
    const { files } = parseManifest(readFileSync(join(bundles, 'manifests', serving)));
    const [largest] = files.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
    if (!largest) throw new Error('a file lies in the store');
    const path = join(bundles, 'files', largest.sha256);
    const before = readFileSync(path);
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.from([(before[100_000] ?? 0) ^ 1]), 0, 1, 100_000);
    closeSync(file);
    const events = async (kind: string) => {
      const query = { device: id, limit: 100 };
      const answer = await fleet.client.call({ method: 'GET', path: '/events', query, answer: EventsAnswer });
      return answer.events.filter((event) => event.kind === kind);
    };
    const damaged = await until(
      'the damage to be mended',
      async () => ((await events('bundle-repaired')).length > 0 ? events('bundle-damaged') : undefined),
      100_000,
    );
    expect(damaged[0]?.message).toMatch(/: 1 of \d+ chunks are damaged on the disk$/);
    expect(readFileSync(path).equals(before)).toBe(true);
    const usage = JSON.parse(readFileSync(join(folder, 'state', 'delivery'), 'utf8').slice(65)) as {
      bytes: number;
    };
    expect(usage.bytes).toBeLessThan(before.byteLength / 2 + ballastBytes);
    expect((await device(second).view()).reported?.serving).toHaveLength(1);
  }, 150_000);
});
