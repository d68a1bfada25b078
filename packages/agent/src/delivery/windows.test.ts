import { type MaintenanceWindow, weekdays } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayOf, nextDayAt, windowState } from './windows.ts';

const at = (text: string) => Date.parse(text);
const minuteMs = 60_000;
const nightly = (start: string, durationMinutes: number): MaintenanceWindow => ({
  days: [...weekdays],
  start,
  durationMinutes,
});

describe('maintenance windows', () => {
  it('open on the wall clock of the device, across midnight, and say when that changes', () => {
    const windows: MaintenanceWindow[] = [{ days: ['fri'], start: '22:00', durationMinutes: 240 }];
    const state = (time: string) => windowState(windows, 'America/New_York', at(time));
    // 2026-01-02 is a Friday; New York is five hours behind.
    expect(state('2026-01-03T02:59:59Z')).toEqual({ isOpen: false, opensAt: at('2026-01-03T03:00:00Z') });
    expect(state('2026-01-03T03:00:00Z')).toEqual({ isOpen: true, until: at('2026-01-03T07:00:00Z') });
    expect(state('2026-01-03T06:59:59Z')).toEqual({ isOpen: true, until: at('2026-01-03T07:00:00Z') });
    expect(state('2026-01-03T07:00:00Z')).toEqual({ isOpen: false, opensAt: at('2026-01-10T03:00:00Z') });
  });

  it('keep their hour when the clocks change; a start left out moves on, one that comes twice is the first', () => {
    const state = (time: string) => windowState([nightly('02:30', 30)], 'Europe/Berlin', at(time));
    expect(state('2026-03-28T12:00:00Z')).toEqual({ isOpen: false, opensAt: at('2026-03-29T01:30:00Z') });
    expect(state('2026-03-29T12:00:00Z')).toEqual({ isOpen: false, opensAt: at('2026-03-30T00:30:00Z') });
    expect(state('2026-10-24T12:00:00Z')).toEqual({ isOpen: false, opensAt: at('2026-10-25T00:30:00Z') });
    expect(state('2026-10-25T01:00:00Z')).toEqual({ isOpen: false, opensAt: at('2026-10-26T01:30:00Z') });
  });

  it('that touch or overlap are one', () => {
    const windows = [nightly('22:00', 120), nightly('23:00', 90), nightly('00:30', 30)];
    expect(windowState(windows, 'UTC', at('2026-01-01T22:10:00Z'))).toEqual({
      isOpen: true,
      until: at('2026-01-02T01:00:00Z'),
    });
  });

  it('begin the day after where a whole day was left out', () => {
    const friday: MaintenanceWindow = { days: ['fri'], start: '10:00', durationMinutes: 60 };
    // Samoa crossed the date line: 2011-12-30, a Friday, did not happen there.
    const state = windowState([friday], 'Pacific/Apia', at('2011-12-30T09:00:00Z'));
    expect(state).toEqual({ isOpen: false, opensAt: at('2011-12-30T20:00:00Z') });
  });

  const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'];
  const aWindow = fc.record({
    days: fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1 }),
    start: fc
      .tuple(fc.nat(23), fc.nat(59))
      .map((time) => time.map((part) => `${part}`.padStart(2, '0')).join(':')),
    durationMinutes: fc.integer({ min: 1, max: 1_440 }),
  });

  it('are what a look at the clock on the wall, minute by minute, finds', () => {
    fc.assert(
      fc.property(
        fc.array(aWindow, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...zones),
        fc.integer({
          min: at('2026-01-01T00:00:00Z') / minuteMs,
          max: at('2027-01-01T00:00:00Z') / minuteMs,
        }),
        (windows, timeZone, minute) => {
          const now = minute * minuteMs;
          const state = windowState(windows, timeZone, now);
          expect(state.isOpen).toBe(isOpenOnTheWall(windows, timeZone, now));
          const change = state.isOpen ? state.until : state.opensAt;
          expect(change).toBeGreaterThan(now);
          // Far ahead it stays open where windows cover the whole week.
          if (change - now < 7 * 86_400_000) {
            expect(windowState(windows, timeZone, change).isOpen).toBe(!state.isOpen);
            expect(windowState(windows, timeZone, change - 1).isOpen).toBe(state.isOpen);
          }
        },
      ),
      // The other way reads the clock a thousand times for each.
      { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 15) },
    );
  });

  it('days end where they end on the device', () => {
    expect(dayOf('Asia/Tokyo', at('2026-01-01T15:00:00Z'))).toBe('2026-01-02');
    expect(nextDayAt('Asia/Tokyo', at('2026-01-01T15:00:00Z'))).toBe(at('2026-01-02T15:00:00Z'));
    expect(nextDayAt('Europe/Berlin', at('2026-03-29T12:00:00Z'))).toBe(at('2026-03-29T22:00:00Z'));
  });
});

/**
 * Another way to the same: some minute of the last day showed a window's start on the clock (for the first time), or was
 * the first behind a gap that holds it, less than its duration ago.
 */
function isOpenOnTheWall(windows: readonly MaintenanceWindow[], timeZone: string, now: number): boolean {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    day: '2-digit',
    hourCycle: 'h23',
  });
  const clock = (time: number) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
    return {
      day: (parts.weekday ?? '').toLowerCase(),
      date: parts.day,
      time: `${parts.hour}:${parts.minute}`,
    };
  };
  const minuteOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  const longest = Math.max(...windows.map(({ durationMinutes }) => durationMinutes));
  // Three hours more, to know what the clock had shown before.
  const seen = Array.from({ length: longest + 181 }, (_, ago) => clock(now - ago * minuteMs));
  return windows.some(({ days, start, durationMinutes }) =>
    seen.slice(0, durationMinutes).some((shown, ago) => {
      const isFirst = !seen.slice(ago + 1).some((other) => other.time === start && other.date === shown.date);
      if (shown.time === start) return days.includes(shown.day as (typeof weekdays)[number]) && isFirst;
      // A gap: the start lies in it, as far behind the last minute shown as this one is behind the first after it.
      const intoMs = seen.findIndex((_, at) => at > ago && jump(seen, at, minuteOf) > 1);
      if (intoMs < 0) return false;
      const last = seen[intoMs];
      const first = seen[intoMs - 1];
      if (!last || !first || last.date !== first.date) return false;
      const shift = minuteOf(first.time) - minuteOf(last.time) - 1;
      const isInGap = minuteOf(start) > minuteOf(last.time) && minuteOf(start) < minuteOf(first.time);
      return (
        isInGap &&
        shown.date === first.date &&
        minuteOf(shown.time) === minuteOf(start) + shift &&
        days.includes(first.day as (typeof weekdays)[number])
      );
    }),
  );
}

/** Minutes that the clock on the wall went on between this minute and the next. */
function jump(
  seen: readonly { date: string | undefined; time: string }[],
  at: number,
  minuteOf: (time: string) => number,
): number {
  const [before, after] = [seen[at], seen[at - 1]];
  return before && after && before.date === after.date ? minuteOf(after.time) - minuteOf(before.time) : 1;
}
