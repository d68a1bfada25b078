import type { Desired, MirrorEvidence, ProbeResult } from '@covey/protocol';
import { describe, expect, it } from 'vitest';
import { plan } from '../plan/index.ts';
import { advance, type UpdateEvent, wakeAt } from './advance.ts';
import { initialUpdate, pinnedBundles, type Update } from './state.ts';
import { desired, sha } from './update.fixture.ts';

const hour = 3_600_000;
const bundleOf = (version: string) => sha(`m0/${version}`);

/** The machine with a clock: each event comes a second after the one before. */
class Device {
  update: Update = initialUpdate;
  now = 0;

  tell(...events: UpdateEvent[]): Update {
    for (const event of events) {
      this.now += 1_000;
      this.update = advance(this.update, event, this.now);
    }
    return this.update;
  }

  want(version: string, change: Partial<Desired> = {}): Update {
    const generation = this.update.accepted + 1;
    return this.tell({ kind: 'desired', desired: { ...desired(generation, [version]), ...change } });
  }

  get generation(): number {
    return this.update.desired?.generation ?? 0;
  }

  probed(...changes: Partial<ProbeResult>[]): UpdateEvent {
    const models = this.update.desired?.release.models ?? [];
    const results = models.map(
      ({ model, version }, index): ProbeResult => ({
        ...{ model, version, variant: 'fp32', provider: 'cpu', ok: true, chosen: true },
        ...{ maxError: 0, latencyMs: 10, memoryBytes: 1e8 },
        ...changes[index],
      }),
    );
    return { kind: 'probed', generation: this.generation, results };
  }

  /** Up to its soak. */
  activate(...probed: Partial<ProbeResult>[]): Update {
    const { generation } = this;
    return this.tell(
      { kind: 'downloaded', generation },
      { kind: 'verified', generation, counters: {} },
      this.probed(...probed),
      { kind: 'candidateApplied', generation },
    );
  }

  evidence(change: Partial<MirrorEvidence>): UpdateEvent {
    const models = this.update.desired?.release.models ?? [];
    const seen = {
      requests: 100,
      errors: 0,
      samples: 100,
      agreements: 100,
      latencyMs: 1,
      incumbentLatencyMs: 1,
    };
    const evidence = models.map(({ model }) => ({
      ...{ model, ...seen, slower: 0, shift: { gained: [], lost: [] } },
      ...change,
    }));
    return { kind: 'evidence', generation: this.generation, evidence };
  }

  prove(version: string): Update {
    this.want(version);
    this.activate();
    return this.tell(this.evidence({}));
  }

  /** Its soak sees nobody. */
  leaveUnproven(version: string): Update {
    this.want(version);
    this.activate();
    this.now = wakeAt(this.update) ?? this.now;
    return this.tell({ kind: 'tick' }, this.probed());
  }
}

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
    const [serve] = plan(update, { serving: null, work: null, bundles: [] });
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

describe('several models in one release change together or not at all', () => {
  const both = (device: Device, first: string, second: string) => {
    const generation = device.update.accepted + 1;
    return device.tell({ kind: 'desired', desired: desired(generation, [first, second]) });
  };
  const versionsServed = (update: Update) => {
    const [serve] = plan(update, { serving: null, work: null, bundles: [] });
    return serve?.kind === 'serve' ? serve.choices.map(({ ref }) => ref.version) : [];
  };
  const installed = () => {
    const device = new Device();
    both(device, '1.0.0', '1.0.0');
    device.activate();
    device.tell(device.evidence({}));
    both(device, '2.0.0', '2.0.0');
    return device;
  };

  it.each<[string, (device: Device) => Update]>([
    [
      'one of which has no variant that runs here',
      (device) => device.activate({}, { ok: false, chosen: false }),
    ],
    [
      'one of which does worse',
      (device) => {
        device.activate();
        const event = device.evidence({});
        const [good, bad] = event.kind === 'evidence' ? event.evidence : [];
        if (good && bad)
          device.tell({ ...event, evidence: [good, { ...bad, agreements: 5 }] } as UpdateEvent);
        return device.tell({ kind: 'committedApplied' });
      },
    ],
  ])('%s: neither changes, and the other is not blamed', (_what, fail) => {
    const device = installed();
    const update = fail(device);
    expect(['reverted', 'rejected']).toContain(update.state);
    expect(versionsServed(update)).toEqual(['1.0.0', '1.0.0']);
    expect(update.penalties.map(({ bundle }) => bundle)).toEqual([sha('m1/2.0.0')]);
  });

  it('one of which is not yet proven: neither is committed', () => {
    const device = installed();
    device.activate();
    const event = device.evidence({});
    const [first] = event.kind === 'evidence' ? event.evidence : [];
    const update = device.tell({ ...event, evidence: first ? [first] : [] } as UpdateEvent);
    expect(update.state).toBe('soaking');
    expect(versionsServed(update)).toEqual(['2.0.0', '2.0.0']);
    expect(device.tell(device.evidence({})).committed?.release.models.map(({ version }) => version)).toEqual([
      '2.0.0',
      '2.0.0',
    ]);
  });
});
