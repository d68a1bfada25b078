import { topicOf } from '@covey/protocol';
import { describe, expect, it } from 'vitest';
import type { Behaviour } from './programs.fixture.ts';
import { makeBundle, type Simulation, simulate, withFirstVersion } from './simulation.fixture.ts';

describe('the agent on virtual time', () => {
  it('installs a first release without traffic as unproven, and a second one as proven by its soak', async () => {
    const device = simulate('happy');
    await device.enrol();
    device.traffic.requestsPerSecond = 0;
    const one = await device.publish(makeBundle('1.0.0'), 1);
    const two = await device.publish(makeBundle('2.0.0'), 2);
    device.want(1, [one]);
    await device.boot();
    await device.untilSettled(1);
    expect(device.status().reported).toMatchObject({ state: 'committed', proof: 'unproven' });
    device.traffic.requestsPerSecond = 10;
    device.want(2, [two]);
    await device.untilSettled(2);
    expect(device.status().reported).toMatchObject({
      state: 'committed',
      proof: 'proven',
      evidence: { agreement: 1, errors: 0 },
    });
    await device.world.advance(60_000);
    expect(device.servingVersions()).toEqual(['2.0.0']);
    expect(device.controller.reports.at(-1)).toEqual(device.status().reported);
    expect(device.status().outbox.messages).toBe(0);
  });

  it.each<[string, Partial<Behaviour>, string, string]>([
    ['golden vectors that do not match', { probe: 'golden-mismatch' }, 'reverted', 'GOLDEN_MISMATCH'],
    ['a probe that crashes', { probe: 'crash' }, 'reverted', 'PROBE_CRASHED'],
    ['a probe that hangs', { probe: 'hang' }, 'reverted', 'PROBE_CRASHED'],
    ['no variant that runs', { probe: 'invalid' }, 'rejected', 'BUNDLE_INCOMPATIBLE'],
    ['a runtime that refuses it', { apply: 'fail' }, 'reverted', 'MODEL_INVALID'],
    ['a runtime that dies of loading it', { apply: 'crash' }, 'reverted', 'RUNTIME_DIED'],
    ['a runtime that dies of serving it', { crashAfterMs: 500 }, 'reverted', 'RUNTIME_DIED'],
    ['answers that differ', { agreement: 0.5 }, 'reverted', 'SOAK_FAILED'],
    ['inferences that fail', { errorRate: 0.5 }, 'reverted', 'SOAK_FAILED'],
  ])('keeps the version before on %s', async (_what, behaviour, state, code) => {
    const device = await withFirstVersion(`bad/${code}`);
    const bad = await device.publish(makeBundle('2.0.0'), 2, behaviour);
    device.want(2, [bad]);
    await device.untilSettled(2);
    await device.world.advance(120_000);
    expect(device.status().reported).toMatchObject({ state, reason: { code } });
    expect(device.servingVersions()).toEqual(['1.0.0']);
    expect(device.controller.reports.at(-1)).toMatchObject({ state, reason: { code }, generation: 2 });
    expect(bundlesOnDisk(device)).not.toContain(bad.bundle);
  });

  it('tells where inference listens, also where the birth was sent before it did, and does not repeat it', async () => {
    const device = simulate('address');
    await device.enrol();
    device.traffic.listensAfterMs = 20_000;
    await device.boot();
    await device.world.runUntil(() => device.status().link === 'online', 60_000);
    const told = () => device.controller.births.map(({ inferenceUrl }) => inferenceUrl ?? null);
    expect(told()).toEqual([null]);
    await device.world.advance(10 * 60_000);
    expect(told()).toEqual([null, 'http://127.0.0.1:8000']);
  });

  it('says which providers its probes have found, from the next connection on and after a start', async () => {
    const device = simulate('providers');
    await device.enrol();
    device.want(1, [await device.publish(makeBundle('1.0.0'), 1, { worksOnWebGpu: true })]);
    await device.boot();
    await device.untilSettled(1);
    const providers = () => device.controller.births.at(-1)?.deviceClass.providers;
    expect(providers()).toEqual(['cpu']);
    await device.boot();
    await device.world.runUntil(() => providers()?.includes('webgpu') ?? false, 60_000);
    expect(providers()).toEqual(['cpu', 'webgpu']);
  });

  it('remembers what was measured: the same version again comes to the probe with it, and serves as chosen', async () => {
    const device = await withFirstVersion('measured');
    const [first] = device.served.at(-1)?.models ?? [];
    expect(first).toMatchObject({ provider: 'cpu', threads: 2 });
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.untilSettled(2);
    expect(device.probed.map(({ candidates }) => candidates[0]?.measured)).toEqual([undefined, undefined]);
    if (!first) throw new Error('nothing is served');
    device.want(3, [first.ref], 'rollback');
    await device.untilSettled(3);
    const { results } = device.probed.at(-1)?.candidates[0]?.measured ?? {};
    expect(results).toMatchObject([{ version: '1.0.0', threads: 2, chosen: true }]);
    expect(device.status().reported.serving).toMatchObject([{ version: '1.0.0', threads: 2 }]);
  });

  it('keeps the version before loaded where its routes name it, and sends requests there once the next is committed', async () => {
    const split = [{ version: '1.0.0', share: 0.25 }];
    const serving = { routes: [{ model: 'vibration', split, shadow: { version: '0.1.0', share: 1 } }] };
    const device = simulate('routed', undefined, { serving });
    await device.enrol();
    device.want(1, [await device.publish(makeBundle('1.0.0'), 1)]);
    await device.boot();
    await device.untilSettled(1);
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.untilSettled(2);
    await device.world.advance(1_000);
    const plans = device.served.map(({ models, mirror, routes }) => ({
      versions: models.map(({ ref }) => ref.version),
      isTried: mirror !== undefined,
      split: routes?.[0]?.split,
      shadow: routes?.[0]?.shadow,
    }));
    expect(plans.find(({ versions, isTried }) => isTried && versions.includes('2.0.0'))).toMatchObject({
      versions: ['2.0.0'],
      split: undefined,
    });
    expect(plans.at(-1)).toEqual({ versions: ['2.0.0', '1.0.0'], isTried: false, split, shadow: undefined });
    device.want(3, [await device.publish(makeBundle('3.0.0'), 3)]);
    await device.untilSettled(3);
    await device.world.advance(1_000);
    expect(device.servingVersions()).toEqual(['3.0.0']);
    expect(device.served.at(-1)?.routes?.[0]?.split).toBeUndefined();
  });

  it('rejects what no trusted publisher signed, before fetching any of it', async () => {
    const device = await withFirstVersion('stranger');
    const foreign = await device.publish(makeBundle('2.0.0'), 2, { isUnsigned: true });
    const before = device.http.served.length;
    device.want(2, [foreign]);
    await device.untilSettled(2);
    expect(device.status().reported).toMatchObject({
      state: 'rejected',
      reason: { code: 'TRUST_UNKNOWN' },
    });
    const asked = device.http.served.slice(before);
    expect(asked.filter((line) => !line.includes('/trust/'))).toEqual([]);
    expect(device.servingVersions()).toEqual(['1.0.0']);
  });

  it('rejects a security counter below the highest committed, and allows an equal one', async () => {
    const device = simulate('counter');
    await device.enrol();
    await device.boot();
    device.want(1, [await device.publish(makeBundle('1.0.0', { securityCounter: 5 }), 1)]);
    await device.world.runUntil(() => device.state() !== 'idle', 60_000);
    await device.untilSettled(1);
    device.want(2, [await device.publish(makeBundle('0.9.0', { securityCounter: 4 }), 2)]);
    await device.untilSettled(2);
    expect(device.status().reported).toMatchObject({
      state: 'rejected',
      reason: { code: 'SECURITY_COUNTER' },
    });
    device.want(3, [await device.publish(makeBundle('0.9.1', { securityCounter: 5 }), 3)], 'rollback');
    await device.untilSettled(3);
    expect(device.status().reported.state).toBe('committed');
  });

  it('goes back without the network, and without being judged by the version it leaves', async () => {
    const device = await withFirstVersion('rollback');
    const [one] = device.controller.desired?.release.models ?? [];
    const two = await device.publish(makeBundle('2.0.0'), 2);
    device.want(2, [two]);
    await device.untilSettled(2);
    const before = device.http.served.length;
    device.http.isUp = false;
    device.want(3, one ? [one] : [], 'rollback');
    await device.untilSettled(3);
    expect(device.status().reported).toMatchObject({ state: 'committed', proof: 'proven' });
    expect(device.servingVersions()).toEqual(['1.0.0']);
    expect(device.http.served.length).toBe(before);
  });

  it('keeps trying while nobody answers, and fetches no verified byte twice after a kill', async () => {
    const device = await withFirstVersion('resume');
    const before = device.http.served.length;
    device.http.latencyMs = 1_000;
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.world.runUntil(() => device.http.served.length >= before + 2, 60_000);
    device.http.isUp = false;
    await device.world.advance(3 * 3_600_000);
    expect(device.state()).toBe('downloading');
    device.machine.killProcess();
    device.http.isUp = true;
    await device.boot();
    await device.untilSettled(2);
    expect(device.status().reported.state).toBe('committed');
    const chunks = device.http.served.slice(before).filter((line) => line.includes('/chunks/'));
    expect(new Set(chunks).size).toBe(chunks.length);
    // Half of the file is as in version 1, and on the disk already.
    expect(chunks.length).toBe(1);
  });

  it('defers on a full disk and goes on by itself when there is room', async () => {
    const device = await withFirstVersion('full');
    device.machine.disk.capacityBytes = device.machine.disk.usedBytes + 1_000_000;
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.world.runUntil(() => device.state() === 'deferred', 60_000);
    await device.world.advance(5_000);
    expect(device.controller.reports.at(-1)).toMatchObject({
      state: 'deferred',
      reason: { code: 'DISK_FULL' },
    });
    device.machine.disk.capacityBytes += 1e9;
    await device.untilSettled(2);
    expect(device.status().reported.state).toBe('committed');
  });

  it('lets a newer desired state pre-empt a download, and wait for a soak', async () => {
    const device = await withFirstVersion('newer');
    device.http.isUp = false;
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.world.advance(10_000);
    expect(device.state()).toBe('downloading');
    device.http.isUp = true;
    device.want(3, [await device.publish(makeBundle('3.0.0'), 3)]);
    await device.world.runUntil(() => device.state() === 'soaking', 60_000);
    expect(device.status().reported.generation).toBe(3);
    device.want(4, [await device.publish(makeBundle('4.0.0'), 4)]);
    await device.untilSettled(4);
    await device.world.advance(1_000);
    const ended = device.controller.reports.filter((report) => report.state === 'committed');
    expect(ended.map((report) => report.generation)).toEqual(expect.arrayContaining([1, 3, 4]));
    expect(
      device.controller.reports.some((report) => report.generation === 2 && report.state === 'committed'),
    ).toBe(false);
  });

  it('ends in the controller knowing the truth, whatever the network does', async () => {
    const device = await withFirstVersion('network');
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    for (let i = 0; i < 20; i++) {
      await device.world.advance(1_700);
      device.broker.cut('device-1');
    }
    await device.world.advance(10 * 60_000);
    expect(device.controller.reports.at(-1)).toEqual(device.status().reported);
    expect(device.controller.receipt().missing).toEqual([]);
    expect(device.status().outbox.messages).toBe(0);
  });

  it('says again what it serves to a controller that has forgotten it, such as one restored from a backup', async () => {
    const device = await withFirstVersion('backup');
    const { received, reports } = device.controller;
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.untilSettled(2);
    await device.world.advance(60_000);
    const missing = [...received.keys()].filter((seq) => seq > 2);
    for (const seq of missing) received.delete(seq);
    reports.length = 0;
    // As the next message of the device brings it about.
    const receipt = JSON.stringify({ upTo: Math.max(...missing), missing });
    device.broker.send('device-1', topicOf('device-1', 'receipt'), Buffer.from(receipt));
    await device.world.advance(60_000);
    expect(reports).toEqual([device.status().reported]);
    expect(device.controller.receipt().missing).toEqual([]);
  });

  it('comes back by itself from a clock that jumped, both ways', async () => {
    for (const jumpMs of [-10 * 365 * 86_400_000, 86_400_000]) {
      const device = await withFirstVersion(`jump/${jumpMs}`);
      device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
      await device.world.runUntil(() => device.state() === 'soaking', 60_000);
      device.machine.jumpClock(jumpMs);
      device.machine.killProcess();
      await device.boot();
      await device.untilSettled(2);
      expect(device.status().reported.state).toBe('committed');
    }
  });
});

function bundlesOnDisk(device: Simulation): string[] {
  return device.machine.disk.paths().flatMap((path) => /manifests\/([0-9a-f]{64})$/.exec(path)?.[1] ?? []);
}
