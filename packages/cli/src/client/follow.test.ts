import { CoveyError } from '@covey/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Client } from './client.ts';
import { follow } from './follow.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const minutes = 60_000;

/** A controller whose answers take a second each, and which is away at times, told by the minute since the start. */
function followedWhere(isThere: (minute: number) => boolean) {
  const fromMs = performance.now();
  const lines: string[] = [];
  const call = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (isThere((performance.now() - fromMs) / minutes)) return { cursor: '1' };
    throw new CoveyError('UNREACHABLE', 'the controller does not answer');
  };
  const end = follow({ call } as unknown as Client, {
    look: async () => (performance.now() - fromMs) / minutes,
    summarize: () => 'goes on',
    isOver: (minute) => minute > 40,
    onLine: (line) => lines.push(line),
  }).catch((error: unknown) => error);
  return { end, lines };
}

test('a controller that is away for some minutes, again and again, is asked until it is over', async () => {
  const { end, lines } = followedWhere((minute) => minute % 15 < 1);
  await vi.advanceTimersByTimeAsync(46 * minutes);
  expect(await end).toBeGreaterThan(40);
  expect(lines.slice(0, 3)).toEqual(['goes on', 'the controller does not answer; trying again', 'goes on']);
});

test('one that does not answer for 15 minutes is given up, and what was begun is said to go on', async () => {
  const { end, lines } = followedWhere(() => false);
  await vi.advanceTimersByTimeAsync(16 * minutes);
  const message =
    'the controller does not answer, for 15 minutes; what was begun goes on without this command';
  expect(await end).toMatchObject({ code: 'UNREACHABLE', message });
  expect(lines).toEqual(['the controller does not answer; trying again']);
});
