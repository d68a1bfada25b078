import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  type LinkChange,
  type LinkMember,
  type SeenDevice,
  silentAfterMs,
  stop,
} from './advance.ts';

const plan = {
  selector: 'all',
  mqttUrl: 'mqtts://new:8883',
  deviceUrl: 'https://new:8443',
  withinMs: 60_000,
  waves: [{ count: 1 }],
};

function changeOf(waves: number[]): LinkChange {
  const members = waves.map(
    (wave, index): LinkMember => ({
      device: `d${index}`,
      wave,
      state: 'waiting',
      reason: null,
      movedAt: null,
    }),
  );
  const times = { createdAt: 0, createdBy: 'admin', updatedAt: 0 };
  return { id: 'link-1', plan, state: 'running', reason: null, wave: -1, members, ...times };
}

const says = (state: 'pending' | 'kept' | 'takenBack', lastSeenAt = 1): SeenDevice => ({
  reported: { id: 'link-1', state, ...(state === 'takenBack' && { reason: 'no contact' }) },
  lastSeenAt,
});
const statesOf = ({ members }: LinkChange) => members.map(({ state }) => state);

describe('a change of the way', () => {
  it('moves one wave, and the next when that has kept it', () => {
    const first = advance(changeOf([0, 1, 1]), new Map(), 0);
    expect(statesOf(first)).toEqual(['moving', 'waiting', 'waiting']);
    expect(advance(first, new Map([['d0', says('pending')]]), 1)).toBe(first);
    const second = advance(first, new Map([['d0', says('kept')]]), 2);
    expect(statesOf(second)).toEqual(['kept', 'moving', 'moving']);
    const seen = new Map(['d1', 'd2'].map((device) => [device, says('kept')]));
    expect(advance(second, seen, 3)).toMatchObject({ state: 'finished', reason: null });
  });

  it('stops at the first device that took it back, with the reason', () => {
    const first = advance(changeOf([0, 1]), new Map(), 0);
    const stopped = advance(first, new Map([['d0', says('takenBack')]]), 1);
    expect(stopped).toMatchObject({ state: 'stopped', reason: 'device d0: no contact' });
    expect(statesOf(stopped)).toEqual(['takenBack', 'waiting']);
  });

  it('stops for a device that was told and is not heard of, not for one that was away', () => {
    const late = silentAfterMs(plan);
    const first = advance(changeOf([0, 0, 1]), new Map(), 10);
    const away: SeenDevice = { reported: undefined, lastSeenAt: 9 };
    const kept = says('kept', 20);
    const both = advance(
      first,
      new Map([
        ['d0', kept],
        ['d1', away],
      ]),
      10 + late,
    );
    expect([both.state, statesOf(both)]).toEqual(['running', ['kept', 'unreached', 'moving']]);
    const lost = new Map([
      ['d0', kept],
      ['d1', { ...away, lastSeenAt: 10 }],
    ]);
    expect(advance(first, lost, 10 + late)).toMatchObject({ state: 'stopped' });
    const nobody = new Map([
      ['d0', away],
      ['d1', away],
    ]);
    expect(advance(first, nobody, 10 + late)).toMatchObject({
      state: 'stopped',
      reason: 'no device of wave 1 was here to show that it works',
    });
  });

  it('keeps its invariants over every history, and time alone ends it', () => {
    const happening = fc.record({
      device: fc.nat(5),
      state: fc.constantFrom('pending' as const, 'kept' as const, 'kept' as const, 'takenBack' as const),
      passedMs: fc.oneof(fc.nat(1_000), fc.nat(400_000)),
      isStopped: fc.nat(9).map((one) => one === 0),
    });
    fc.assert(
      fc.property(
        fc.array(fc.nat(2), { minLength: 1, maxLength: 6 }),
        fc.array(happening),
        (sizes, history) => {
          const sorted = [...sizes].sort();
          const ranks = [...new Set(sorted)];
          let change = changeOf(sorted.map((size) => ranks.indexOf(size)));
          const seen = new Map<string, SeenDevice>();
          let now = 1;
          const look = () => {
            const before = change;
            change = advance(before, seen, now);
            if (before.state !== 'running') {
              const { members: _after, updatedAt: _later, ...ended } = change;
              expect(before).toMatchObject(ended);
              for (const [index, member] of change.members.entries()) {
                const old = before.members[index];
                expect(member.movedAt).toBe(old?.movedAt);
                if (old?.state === 'kept' || old?.state === 'takenBack' || old?.state === 'waiting')
                  expect(member).toBe(old);
              }
            }
            for (const { device, state, movedAt } of change.members) {
              const said = seen.get(device)?.reported?.state;
              if (movedAt !== null && (said === 'kept' || said === 'takenBack'))
                expect(['kept', 'takenBack']).toContain(state);
            }
            if (change.wave > before.wave) {
              expect(change.wave).toBe(before.wave + 1);
              const past = change.members.filter(({ wave }) => wave < change.wave);
              for (const { state } of past) expect(['kept', 'unreached']).toContain(state);
              for (let wave = 0; wave < change.wave; wave++)
                expect(past.some((member) => member.wave === wave && member.state === 'kept')).toBe(true);
            }
            for (const { wave, movedAt } of change.members)
              expect(movedAt !== null).toBe(wave <= change.wave);
            if (change.state === 'stopped') expect(change.reason).not.toBeNull();
          };
          look();
          for (const { device, state, passedMs, isStopped } of history) {
            now += passedMs;
            if (isStopped && change.state === 'running') change = stop(change, 'admin stopped it', now);
            const member = change.members[device];
            if (member?.movedAt != null) seen.set(member.device, says(state, now));
            look();
          }
          for (let looks = 0; change.state === 'running'; looks++) {
            expect(looks).toBeLessThan(10);
            now += silentAfterMs(plan);
            look();
          }
          now += silentAfterMs(plan);
          look();
          expect(statesOf(change)).not.toContain('moving');
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('that somebody stopped stays so; what its devices say of it still counts, once', () => {
    const stopped = stop(advance(changeOf([0, 0, 0, 1]), new Map(), 0), 'admin stopped it', 1);
    const seen = new Map([
      ['d0', says('kept')],
      ['d1', says('takenBack')],
      ['d2', says('pending')],
      ['d3', says('kept')],
    ]);
    const told = advance(stopped, seen, 2);
    expect(told).toMatchObject({ state: 'stopped', reason: 'admin stopped it', wave: 0 });
    expect(statesOf(told)).toEqual(['kept', 'takenBack', 'moving', 'waiting']);
    expect(advance(told, seen, 3)).toBe(told);
    const late = advance(told, seen, silentAfterMs(plan));
    expect(statesOf(late)).toEqual(['kept', 'takenBack', 'unreached', 'waiting']);
    const at = silentAfterMs(plan) + 1;
    expect(statesOf(advance(late, new Map([['d2', says('kept', at)]]), at))[2]).toBe('kept');
  });
});
