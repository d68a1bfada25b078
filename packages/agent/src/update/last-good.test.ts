import type { ProbeResult } from '@covey/protocol';
import { describe, expect, it } from 'vitest';
import { plan } from '../plan/index.ts';
import { type UpdateEvent, wakeAt } from './advance.ts';
import { bundleOf, Device } from './device.fixture.ts';
import { pinnedBundles } from './state.ts';
import { desired } from './update.fixture.ts';

const hour = 3_600_000;

describe('the last good version (Greengrass nucleus #1838, #1831)', () => {
  it('is never replaced by one that is not proven, however many of them follow, and never removed', () => {
    const device = new Device();
    device.prove('1.0.0');
    expect(device.update).toMatchObject({ state: 'committed', committed: { proof: 'proven' } });
    for (const version of ['2.0.0', '3.0.0', '2.0.0', '3.0.0']) {
      const update = device.leaveUnproven(version);
      expect(update).toMatchObject({ state: 'committed', committed: { proof: 'unproven' } });
      expect(update.lastGood?.release.models[0]?.version).toBe('1.0.0');
      expect(pinnedBundles(update)).toContain(bundleOf('1.0.0'));
      const steps = plan(update, {
        serving: null,
        work: null,
        bundles: [bundleOf('1.0.0'), bundleOf('9.0.0')],
        software: null,
      });
      expect(steps.find(({ kind }) => kind === 'collect')).toMatchObject({ remove: [bundleOf('9.0.0')] });
    }
    expect(device.prove('2.0.0').lastGood?.release.models[0]?.version).toBe('2.0.0');
  });

  it('is there in every state of a candidate: nothing of it is marked as good before its end', () => {
    const device = new Device();
    device.prove('1.0.0');
    device.want('2.0.0');
    const { generation } = device;
    const events: UpdateEvent[] = [
      { kind: 'downloaded', generation },
      { kind: 'verified', generation, counters: {} },
      device.probed(),
      { kind: 'candidateApplied', generation },
      { kind: 'runtimeDied', bundles: [] },
    ];
    for (const event of events) {
      const update = device.tell(event);
      expect(update.committed?.release.models[0]?.version).toBe('1.0.0');
      expect(update.lastGood).toBe(update.committed);
    }
  });

  it('serves again when an unproven version keeps ending the runtime, and the controller is told', () => {
    const device = new Device();
    device.prove('1.0.0');
    device.leaveUnproven('2.0.0');
    const quarantined = { kind: 'quarantined', bundle: bundleOf('2.0.0'), message: 'it kept dying' } as const;
    const update = device.tell(quarantined);
    expect(update).toMatchObject({ state: 'reverting', reason: { code: 'RUNTIME_DIED' } });
    const [serve] = plan(update, { serving: null, work: null, bundles: [], software: null });
    expect(serve).toMatchObject({ kind: 'serve', of: 'committed', choices: [{ ref: { version: '1.0.0' } }] });
    expect(device.tell({ kind: 'committedApplied' }).state).toBe('reverted');
    // It would not be tried again at once.
    expect(device.want('2.0.0').reason?.code).toBe('RECENTLY_FAILED');
  });

  it('does not give up a proven version for it, nor for another that is quarantined', () => {
    const device = new Device();
    device.prove('1.0.0');
    const before = device.prove('2.0.0');
    const quarantined = (version: string): UpdateEvent => ({
      ...{ kind: 'quarantined', bundle: bundleOf(version), message: 'it kept dying' },
    });
    expect(device.tell(quarantined('2.0.0'), quarantined('7.0.0'))).toBe(before);
  });

  it('serves again when the agent starts five times in a row and does not last', () => {
    const device = new Device();
    device.prove('1.0.0');
    device.leaveUnproven('2.0.0');
    for (let inRow = 1; inRow < 5; inRow++)
      expect(device.tell({ kind: 'started', starts: 10 + inRow, inRow }).state).toBe('committed');
    expect(device.tell({ kind: 'started', starts: 15, inRow: 5 })).toMatchObject({
      state: 'reverting',
      reason: { code: 'CRASH_LOOP' },
      committed: { release: { models: [{ version: '1.0.0' }] } },
    });
  });
});

describe('starts of the agent with a candidate', () => {
  it('count from outside: those that did not get as far as the ledger too', () => {
    const device = new Device();
    device.prove('1.0.0');
    device.want('2.0.0');
    device.activate();
    expect(device.tell({ kind: 'started', starts: 7, inRow: 1 }).state).toBe('soaking');
    expect(device.tell({ kind: 'started', starts: 10, inRow: 4 })).toMatchObject({
      state: 'reverting',
      reason: { code: 'CRASH_LOOP' },
    });
  });
});

describe('a bundle that failed here (no flapping: nucleus #807, #1161)', () => {
  it.each<[string, (device: Device) => UpdateEvent]>([
    ['soak', (device) => device.evidence({ agreements: 10 })],
    [
      'runtime',
      () => ({
        kind: 'failed',
        generation: 2,
        code: 'MODEL_INVALID',
        message: '',
        jitter: 0,
        progressed: false,
      }),
    ],
  ])('waits before it is tried again, longer each time, unless it is forced (%s)', (_what, failure) => {
    const device = new Device();
    device.prove('1.0.0');
    device.want('2.0.0');
    device.activate();
    device.tell(failure(device), { kind: 'committedApplied' });
    expect(device.update.state).toBe('reverted');
    const deferred = device.want('2.0.0');
    expect(deferred).toMatchObject({ state: 'deferred', reason: { code: 'RECENTLY_FAILED' } });
    const waitMs = (wakeAt(deferred) ?? 0) - device.now;
    expect(waitMs).toBeGreaterThan(hour - 10_000);
    expect(waitMs).toBeLessThanOrEqual(hour);
    expect(device.want('3.0.0').state).toBe('downloading');
    expect(device.want('2.0.0').state).toBe('deferred');
    device.now += hour;
    expect(device.tell({ kind: 'tick' }).state).toBe('downloading');
    expect(device.want('2.0.0', { force: true })).toMatchObject({ state: 'downloading', penalties: [] });
  });

  it('is not blamed for what the disk, the network or the publisher did', () => {
    for (const code of ['DISK_FAILED', 'UNREACHABLE', 'INTERNAL']) {
      const device = new Device();
      device.prove('1.0.0');
      device.want('2.0.0');
      device.activate();
      const failure = { code, message: '', jitter: 0, progressed: false };
      device.tell({ kind: 'failed', generation: device.generation, ...failure });
      expect(device.update.penalties).toEqual([]);
    }
  });

  it('is pardoned by proving itself', () => {
    const device = new Device();
    device.prove('1.0.0');
    device.want('2.0.0');
    device.activate();
    device.tell(device.evidence({ agreements: 10 }), { kind: 'committedApplied' });
    device.now += hour;
    expect(device.prove('2.0.0')).toMatchObject({ state: 'committed', penalties: [] });
  });
});

describe('what a probe found, against the version before', () => {
  const soak = { ...desired(1, []).soak, maxLatencyRatio: 2, maxMemoryRatio: 2 };
  const probe = (result: Partial<ProbeResult>) => {
    const device = new Device();
    device.prove('1.0.0');
    device.want('2.0.0', { soak });
    return device.activate(result);
  };

  it.each<[string, Partial<ProbeResult>]>([
    ['twice as slow', { latencyMs: 20 }],
    ['slower, but not for certain', { latencyMs: 30, latencyIntervalMs: [15, 45] }],
    ['twice as large', { memoryBytes: 2e8 }],
    ['not measured', { memoryBytes: null, latencyMs: null }],
  ])('%s: goes on', (_what, result) => {
    expect(probe(result).state).toBe('soaking');
  });

  it.each<[string, Partial<ProbeResult>, string]>([
    ['slower for certain', { latencyMs: 30, latencyIntervalMs: [28, 32] }, 'takes at least 28.0 ms'],
    ['larger', { memoryBytes: 3e8 }, 'takes 300000000 bytes'],
  ])('%s: goes no further, and nothing was touched', (_what, result, words) => {
    const update = probe(result);
    expect(update).toMatchObject({ state: 'reverted', reason: { code: 'PROBE_FAILED' } });
    expect(update.reason?.message).toContain(words);
  });
});
