import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowed, sentOn } from './allowance.ts';

const now = Date.parse('2026-03-29T18:00:00Z');

describe('an allowance', () => {
  it('gives what is left of the day and in all, whichever is less, and says for how long there is nothing', () => {
    const sent = { bytes: 900, day: '2026-03-29', todayBytes: 400 };
    expect(allowed({}, sent, 'site lab', now)).toEqual({ bytes: Number.POSITIVE_INFINITY });
    expect(allowed({ bytes: 1_000, bytesPerDay: 600 }, sent, 'site lab', now)).toEqual({ bytes: 100 });
    expect(allowed({ bytes: 2_000, bytesPerDay: 600 }, sent, 'site lab', now)).toEqual({ bytes: 200 });
    expect(allowed({ bytesPerDay: 400 }, sent, 'site lab', now)).toEqual({
      message: 'site lab has fetched the 400 bytes that it may in a day',
      waitMs: 6 * 3_600_000,
    });
    expect(allowed({ bytes: 900 }, sent, 'site lab', now)).toMatchObject({ waitMs: 3_600_000 });
  });

  it('begins anew with each day, and never gives more than it has', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 90_000_000 })), {
          maxLength: 50,
        }),
        (requests) => {
          let time = now;
          let sent = sentOn(undefined, time);
          const days = new Map<string, number>();
          for (const [wanted, waitMs] of requests) {
            time += waitMs;
            sent = sentOn(sent, time);
            const answer = allowed({ bytes: 5_000, bytesPerDay: 500 }, sent, 'it', time);
            if (!('bytes' in answer)) continue;
            const given = Math.min(wanted, answer.bytes);
            sent = { ...sent, bytes: sent.bytes + given, todayBytes: sent.todayBytes + given };
            days.set(sent.day, (days.get(sent.day) ?? 0) + given);
          }
          for (const bytes of days.values()) expect(bytes).toBeLessThanOrEqual(500);
          expect([...days.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(5_000);
        },
      ),
    );
  });
});
