import { describe, expect, it } from 'vitest';
import { advance, type UpdateEvent, wakeAt } from './advance.ts';
import { initialUpdate, isSettled } from './state.ts';
import { desired } from './update.fixture.ts';

describe('held', () => {
  const hour = 3_600_000;
  const at = (state: 'downloading' | 'verifying' | 'probing') => {
    let update = advance(initialUpdate, { kind: 'desired', desired: desired(1, ['1.0.0']) }, 0);
    if (state === 'downloading') return update;
    update = advance(update, { kind: 'downloaded', generation: 1 }, 0);
    return state === 'verifying'
      ? update
      : advance(update, { kind: 'verified', generation: 1, counters: {} }, 0);
  };
  const held = (until: number | null): UpdateEvent => ({
    ...{ kind: 'held', generation: 1, code: 'WINDOW', message: 'closed until four' },
    until,
  });

  it.each(['downloading', 'verifying', 'probing'] as const)(
    '%s waits as deferred, which is no failure, and goes on with the time it had left',
    (state) => {
      const before = at(state);
      const deferred = advance(before, held(hour / 2), 1_000);
      expect(deferred).toMatchObject({ state: 'deferred', reason: { code: 'WINDOW' }, retryAt: hour / 2 });
      expect(wakeAt(deferred)).toBe(hour / 2);
      expect(advance(deferred, { kind: 'tick' }, hour / 2 - 1)).toBe(deferred);
      const after = advance(deferred, { kind: 'tick' }, hour / 2);
      const pausedMs = hour / 2 - 1_000;
      expect(after).toMatchObject({ state, reason: null, held: null, heldMs: pausedMs });
      expect(after.deadlineAt).toBe((before.deadlineAt ?? 0) + pausedMs);
      expect(after.fetchBy).toBe((before.fetchBy ?? 0) + pausedMs);
      expect(after.attempts).toBe(before.attempts + 1);
    },
  );

  it('asks again after a minute when nobody knows until when, and at once after a start', () => {
    const deferred = advance(at('probing'), held(null), 0);
    expect(wakeAt(deferred)).toBe(60_000);
    const started = advance(deferred, { kind: 'started', starts: 2, inRow: 1 }, 10);
    expect(advance(started, { kind: 'tick' }, 10).state).toBe('probing');
  });

  it('ends after a month and a day in all, with the reason it was put off for', () => {
    let update = at('downloading');
    let now = 0;
    while (!isSettled(update)) {
      now = update.state === 'deferred' ? (wakeAt(update) ?? 0) : now + 1;
      const event: UpdateEvent = update.state === 'deferred' ? { kind: 'tick' } : held(now + 400 * 24 * hour);
      update = advance(update, event, now);
    }
    expect(now).toBeGreaterThanOrEqual(32 * 24 * hour);
    expect(now).toBeLessThanOrEqual(33 * 24 * hour);
    expect(update).toMatchObject({ state: 'reverted', reason: { code: 'WINDOW' } });
    expect(update.reason?.message).toBe('it was put off for too long: closed until four');
  });

  it('means nothing to what is being activated', () => {
    let update = at('probing');
    const results = [
      { model: 'm0', version: '1.0.0', variant: 'fp32', provider: 'cpu' as const, ok: true, chosen: true },
    ].map((result) => ({ ...result, maxError: 0, latencyMs: 1, memoryBytes: 1 }));
    update = advance(update, { kind: 'probed', generation: 1, results }, 0);
    expect(update.state).toBe('activating');
    expect(advance(update, held(null), 1)).toBe(update);
  });
});

it('does not fetch for ever what arrives damaged each time', () => {
  let update = advance(initialUpdate, { kind: 'desired', desired: desired(1, ['1.0.0']) }, 0);
  let now = 0;
  for (let rounds = 0; !isSettled(update); rounds++) {
    expect(rounds).toBeLessThan(2_000);
    const failed = { kind: 'failed', generation: 1, code: 'BUNDLE_CORRUPT', message: 'chunk 3' } as const;
    const isWaiting = update.state === 'downloading' && update.retryAt !== null;
    if (isWaiting) now = wakeAt(update) ?? now;
    const event: UpdateEvent = isWaiting
      ? { kind: 'tick' }
      : update.state === 'downloading'
        ? { kind: 'downloaded', generation: 1 }
        : { ...failed, jitter: 0.5, progressed: false };
    update = advance(update, event, now);
  }
  expect(now).toBeLessThanOrEqual(24 * 3_600_000);
  expect(update).toMatchObject({ state: 'reverted', reason: { code: 'BUNDLE_CORRUPT' } });
});

it('backs off with full jitter up to a cap, and anew after progress', () => {
  let update = advance(initialUpdate, { kind: 'desired', desired: desired(1, ['1.0.0']) }, 0);
  const fail = (progressed: boolean) => {
    const failed = {
      kind: 'failed',
      generation: 1,
      code: 'UNREACHABLE',
      message: '',
      jitter: 0.999999,
      progressed,
    };
    update = advance(update, failed as UpdateEvent, 0);
    return update.retryAt;
  };
  const waits = Array.from({ length: 12 }, () => fail(false));
  expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(waits.at(-1)).toBe(600_000);
  expect(fail(true)).toBe(1_000);
});
