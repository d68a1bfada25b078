import { type MaintenanceWindow, weekdays } from '@covey/protocol';

/** Whether one of the windows is open, and when that changes; a window is at most a day long, and comes within a week. */
export type WindowState = { isOpen: true; until: number } | { isOpen: false; opensAt: number };

const minuteMs = 60_000;

/**
 * `windows` on the wall clock of `timeZone` (IANA) at `now`, unix milliseconds; not empty. A start that a change of the clocks
 * leaves out is moved on by the change, one that comes twice is the first (RFC 5545, 3.3.5).
 */
export function windowState(
  windows: readonly MaintenanceWindow[],
  timeZone: string,
  now: number,
): WindowState {
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate();
  // Yesterday's may still be open; one of a day that was left out whole (a move of the date line) begins the day after.
  const openings = Array.from({ length: 11 }, (_, at) => today.add({ days: at - 2 })).flatMap((date) =>
    windows
      .filter(({ days }) => days.some((day) => weekdays.indexOf(day) === date.dayOfWeek - 1))
      .map(({ start, durationMinutes }) => {
        const opensAt = date.toZonedDateTime({ timeZone, plainTime: start }).epochMilliseconds;
        return { opensAt, closesAt: opensAt + durationMinutes * minuteMs };
      }),
  );
  openings.sort((a, b) => a.opensAt - b.opensAt);
  let until = now;
  for (const { opensAt, closesAt } of openings) if (opensAt <= until) until = Math.max(until, closesAt);
  if (until > now) return { isOpen: true, until };
  return { isOpen: false, opensAt: openings.find(({ opensAt }) => opensAt > now)?.opensAt ?? now };
}

/** The device's day, `2026-03-29`. */
export function dayOf(timeZone: string, now: number): string {
  return Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate().toString();
}

/** When the next day begins there, which need not be at midnight. */
export function nextDayAt(timeZone: string, now: number): number {
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate();
  return today.add({ days: 1 }).toZonedDateTime({ timeZone }).epochMilliseconds;
}
