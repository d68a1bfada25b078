import { describe, expect, it } from 'vitest';
import { plan } from '../plan/index.ts';
import { advance, type UpdateEvent } from './advance.ts';
import { Device } from './device.fixture.ts';
import type { Update } from './state.ts';
import { desired, sha } from './update.fixture.ts';

describe('several models in one release change together or not at all', () => {
  const both = (device: Device, first: string, second: string) => {
    const generation = device.update.accepted + 1;
    return device.tell({ kind: 'desired', desired: desired(generation, [first, second]) });
  };
  const versionsServed = (update: Update) => {
    const [serve] = plan(update, { serving: null, work: null, bundles: [], software: null });
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

  it('an order that puts back what was before ends the soak at once, and is held against nobody', () => {
    const device = installed();
    device.activate();
    const update = both(device, '1.0.0', '1.0.0');
    expect(update).toMatchObject({ state: 'reverting', reason: { code: 'SUPERSEDED' }, penalties: [] });
    expect(versionsServed(update)).toEqual(['1.0.0', '1.0.0']);
    device.tell({ kind: 'committedApplied' });
    expect(device.tell({ kind: 'tick' })).toMatchObject({ state: 'committed', desired: { generation: 3 } });
  });

  it('an order for something newer waits for the end of the soak; one that puts one model of two back does not', () => {
    const device = installed();
    device.activate();
    expect(both(device, '3.0.0', '3.0.0')).toMatchObject({ state: 'soaking', waiting: { generation: 3 } });
    expect(both(device, '1.0.0', '2.0.0')).toMatchObject({ state: 'reverting', penalties: [] });
    device.tell({ kind: 'committedApplied' });
    expect(device.tell({ kind: 'tick' })).toMatchObject({ state: 'downloading', desired: { generation: 4 } });
  });

  it('one that comes while the candidate is being loaded ends the soak before it begins', () => {
    const device = installed();
    const soaking = device.activate();
    // As it was before it was applied.
    const activating: Update = { ...soaking, state: 'activating' };
    const waits = advance(activating, { kind: 'desired', desired: desired(3, ['1.0.0', '1.0.0']) }, 10);
    expect(waits.state).toBe('activating');
    const event: UpdateEvent = { kind: 'candidateApplied', generation: 2 };
    expect(advance(waits, event, 11)).toMatchObject({ state: 'reverting', reason: { code: 'SUPERSEDED' } });
  });
});
