import { type DeliveryPolicy, openDelivery, weekdays } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeliveryConditions, mayProceed, startDelayMs } from './decide.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const calm: DeliveryConditions = {
  phase: 'download',
  deviceId: 'edge-1',
  orderId: 'rollout-1',
  orderedAt: now - 1_000,
  timeZone: 'UTC',
  isMetered: false,
  veto: null,
  used: { bytes: 0, todayBytes: 0, meteredBytes: 0 },
  needed: { bytes: 1_000, wholeBytes: 0, fallbackBytes: 0 },
};
const decide = (policy: Partial<DeliveryPolicy>, conditions: Partial<DeliveryConditions> = {}, time = now) =>
  mayProceed({ ...openDelivery, ...policy }, { ...calm, ...conditions }, time);

describe('whether a release may go on', () => {
  it('holds nothing back without a policy', () => {
    expect(decide({})).toEqual({ kind: 'go' });
    expect(decide({}, { isMetered: true, needed: null, phase: 'change' })).toEqual({ kind: 'go' });
  });

  it('honours a veto until it ends, or until the deadline of the policy', () => {
    const veto = { until: now + 7_200_000, reason: 'the press runs' };
    const held = decide({}, { veto });
    expect(held).toMatchObject({
      code: 'HELD_LOCALLY',
      message: 'held on the device: the press runs',
      until: veto.until,
    });
    expect(decide({ vetoDeadlineMs: 3_601_000 }, { veto })).toMatchObject({ until: now + 3_600_000 });
    expect(decide({ vetoDeadlineMs: 1_000 }, { veto })).toEqual({ kind: 'go' });
    expect(decide({}, { veto }, veto.until)).toEqual({ kind: 'go' });
    expect(decide({}, { veto, phase: 'change' })).toMatchObject({ code: 'HELD_LOCALLY' });
  });

  it('keeps to the windows, for the download too unless that is allowed outside', () => {
    const windows = [{ days: [...weekdays], start: '22:00', durationMinutes: 60 }];
    const opens = Date.parse('2026-01-01T22:00:00Z');
    expect(decide({ windows })).toMatchObject({ code: 'OUTSIDE_WINDOW', until: opens });
    expect(decide({ windows }, { phase: 'change' })).toMatchObject({ code: 'OUTSIDE_WINDOW', until: opens });
    expect(decide({ windows, outsideWindows: 'download' })).toEqual({ kind: 'go' });
    expect(decide({ windows, outsideWindows: 'download' }, { phase: 'change' })).toMatchObject({
      until: opens,
    });
    expect(decide({ windows }, {}, opens)).toEqual({ kind: 'go' });
  });

  it('moves over a metered link what the policy allows, and once here nothing holds a change back', () => {
    const isMetered = true;
    const needs = (bytes: number, wholeBytes = 0) => ({ bytes, wholeBytes, fallbackBytes: 0 });
    expect(decide({ meteredLink: 'nothing' }, { isMetered })).toMatchObject({
      code: 'METERED_LINK',
      until: null,
    });
    expect(decide({ meteredLink: 'nothing' }, { isMetered, needed: needs(0) })).toEqual({
      kind: 'go',
    });
    expect(decide({ meteredLink: 'nothing' }, { isMetered, phase: 'change' })).toEqual({
      kind: 'go',
    });
    expect(decide({ meteredLink: 'nothing' })).toEqual({ kind: 'go' });
    expect(decide({ meteredLink: 'deltas' }, { isMetered, needed: needs(9, 0) })).toEqual({
      kind: 'go',
    });
    expect(decide({ meteredLink: 'deltas' }, { isMetered, needed: needs(9, 9) })).toMatchObject({
      code: 'METERED_LINK',
    });
    const upTo = { meteredLink: { upToBytes: 100 } };
    const used = { bytes: 60, todayBytes: 60, meteredBytes: 40 };
    expect(decide(upTo, { isMetered, used, needed: needs(60) })).toEqual({ kind: 'go' });
    expect(decide(upTo, { isMetered, used, needed: needs(61) })).toMatchObject({
      message: 'the link is metered: 61 bytes are to come, 60 of 100 are left',
    });
  });

  it('falls back to a full download only where that is allowed', () => {
    const needed = { bytes: 500, wholeBytes: 500, fallbackBytes: 500 };
    expect(decide({ whenDeltaFails: 'full' }, { needed })).toEqual({ kind: 'go' });
    expect(decide({ whenDeltaFails: 'delta-only' }, { needed })).toMatchObject({ code: 'DELTA_UNAVAILABLE' });
    // A first install has nothing to be told from: no delta has failed.
    const first = { ...needed, fallbackBytes: 0 };
    expect(decide({ whenDeltaFails: 'delta-only' }, { needed: first })).toEqual({ kind: 'go' });
  });

  it('begins nothing that its budget does not cover, and waits for the next day', () => {
    const used = { bytes: 600, todayBytes: 600, meteredBytes: 0 };
    expect(decide({ device: { bytes: 1_600 } }, { used })).toEqual({ kind: 'go' });
    expect(decide({ device: { bytes: 1_599 } }, { used })).toMatchObject({
      code: 'BUDGET_SPENT',
      until: null,
    });
    const daily = decide({ device: { bytesPerDay: 600 } }, { used, timeZone: 'Europe/Berlin' });
    expect(daily).toMatchObject({ code: 'BUDGET_SPENT', until: Date.parse('2026-01-01T23:00:00Z') });
    expect(decide({ device: { bytesPerDay: 601 } }, { used })).toEqual({ kind: 'go' });
  });

  it('starts devices evenly over the spread, each always at its own moment', () => {
    const spreadMs = 3_600_000;
    const delays = Array.from({ length: 1_000 }, (_, id) =>
      startDelayMs(`edge-${id}`, 'rollout-1', spreadMs),
    );
    for (const quarter of [0, 1, 2, 3]) {
      const share = delays.filter((delay) => Math.floor((delay * 4) / spreadMs) === quarter).length;
      expect(share).toBeGreaterThan(200);
    }
    expect(startDelayMs('edge-7', 'rollout-1', spreadMs)).toBe(delays[7]);
    expect(startDelayMs('edge-7', 'rollout-2', spreadMs)).not.toBe(delays[7]);
    const delay = startDelayMs('edge-1', 'rollout-1', spreadMs);
    const startsAt = calm.orderedAt + delay;
    expect(decide({ spreadMs }, {}, startsAt - 1)).toMatchObject({ code: 'START_SPREAD', until: startsAt });
    expect(decide({ spreadMs }, {}, startsAt)).toEqual({ kind: 'go' });
  });
});

const allowance = fc.record(
  { bytesPerSecond: fc.integer({ min: 1_024 }), bytesPerDay: fc.nat(3_000), bytes: fc.nat(3_000) },
  { requiredKeys: [] },
);
const aPolicy: fc.Arbitrary<DeliveryPolicy> = fc.record(
  {
    windows: fc.array(
      fc.record({
        days: fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1 }),
        start: fc.constantFrom('00:00', '02:30', '12:00', '23:59'),
        durationMinutes: fc.integer({ min: 1, max: 1_440 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    vetoDeadlineMs: fc.nat(86_400_000),
    outsideWindows: fc.constantFrom('nothing', 'download'),
    meteredLink: fc.oneof(
      fc.constantFrom('everything' as const, 'nothing' as const, 'deltas' as const),
      fc.record({ upToBytes: fc.nat(3_000) }),
    ),
    whenDeltaFails: fc.constantFrom('full', 'delta-only'),
    spreadMs: fc.nat(3_600_000),
    device: allowance,
    site: allowance,
    rollout: allowance,
  },
  {
    requiredKeys: [
      'outsideWindows',
      'meteredLink',
      'whenDeltaFails',
      'spreadMs',
      'device',
      'site',
      'rollout',
    ],
  },
);
const someConditions: fc.Arbitrary<DeliveryConditions> = fc.record({
  phase: fc.constantFrom('download', 'change'),
  deviceId: fc.constantFrom('edge-1', 'edge-2'),
  orderId: fc.constant('rollout-1'),
  orderedAt: fc.integer({ min: now - 90_000_000, max: now + 1_000 }),
  timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York'),
  isMetered: fc.boolean(),
  veto: fc.option(
    fc.record({ until: fc.integer({ min: now - 10, max: now + 86_400_000 }), reason: fc.string() }),
  ),
  used: fc.record({ bytes: fc.nat(3_000), todayBytes: fc.nat(3_000), meteredBytes: fc.nat(3_000) }),
  needed: fc.option(
    fc.tuple(fc.nat(3_000), fc.nat(3_000), fc.nat(3_000)).map((sizes) => {
      const [fallbackBytes = 0, wholeBytes = 0, bytes = 0] = sizes.sort((a, b) => a - b);
      return { bytes, wholeBytes, fallbackBytes };
    }),
  ),
});

describe('every decision', () => {
  it('that holds until a time lies ahead, and by then that reason has gone', () => {
    fc.assert(
      fc.property(aPolicy, someConditions, (policy, conditions) => {
        const decision = mayProceed(policy, conditions, now);
        if (decision.kind === 'go') return;
        expect(decision.message.length).toBeGreaterThan(0);
        if (decision.until === null) return;
        expect(decision.until).toBeGreaterThan(now);
        // A new day has a budget of its own.
        const used =
          decision.code === 'BUDGET_SPENT' ? { ...conditions.used, todayBytes: 0 } : conditions.used;
        const later = mayProceed(policy, { ...conditions, used }, decision.until);
        if (later.kind === 'hold')
          expect(later.code === decision.code && later.code !== 'BUDGET_SPENT').toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('to change what serves depends on no link and no budget, and what may be changed may be fetched on a free one', () => {
    fc.assert(
      fc.property(aPolicy, someConditions, (policy, conditions) => {
        const change = mayProceed(policy, { ...conditions, phase: 'change' }, now);
        const elsewhere = { isMetered: !conditions.isMetered, used: calm.used, needed: null };
        expect(mayProceed(policy, { ...conditions, ...elsewhere, phase: 'change' }, now)).toEqual(change);
        if (change.kind === 'go') {
          const nothingNeeded = { bytes: 0, wholeBytes: 0, fallbackBytes: 0 };
          const download = { ...conditions, phase: 'download' as const, needed: nothingNeeded };
          expect(mayProceed(policy, download, now)).toEqual({ kind: 'go' });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('allows no more when less is on offer', () => {
    fc.assert(
      fc.property(aPolicy, someConditions, fc.nat(3_000), (policy, conditions, more) => {
        const { needed } = conditions;
        if (!needed || mayProceed(policy, conditions, now).kind === 'go') return;
        const larger = { ...needed, bytes: needed.bytes + more };
        expect(mayProceed(policy, { ...conditions, needed: larger }, now).kind).toBe('hold');
      }),
      { numRuns: 2_000 },
    );
  });
});
