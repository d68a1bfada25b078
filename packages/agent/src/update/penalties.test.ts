import { describe, expect, it } from 'vitest';
import { penalize, penaltyOn } from './penalties.ts';

const hour = 3_600_000;

describe('the penalty box', () => {
  it('holds a bundle for an hour, then for twice as long each time, a day at most', () => {
    let box = penalize([], ['a'], 0);
    const waits = Array.from({ length: 8 }, () => {
      const until = penaltyOn(box, ['a'], 0)?.until ?? 0;
      box = penalize(box, ['a'], 0);
      return until / hour;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 24, 24, 24]);
  });

  it('is about one bundle each: another version of the model may be tried', () => {
    const box = penalize([], ['a', 'b'], 0);
    expect(penaltyOn(box, ['c'], 1)).toBeUndefined();
    expect(penaltyOn(box, ['c', 'b'], 1)).toMatchObject({ bundle: 'b' });
    expect(penaltyOn(box, ['a'], hour)).toBeUndefined();
  });

  it('forgets after a week, and the oldest beyond 64', () => {
    const week = 7 * 24 * hour;
    expect(penalize(penalize([], ['a'], 0), ['b'], hour + week)).toHaveLength(1);
    const bundles = Array.from({ length: 70 }, (_, index) => `b${index}`);
    const box = bundles.reduce(
      (before, bundle) => [...penalize(before, [bundle], 0)],
      [] as ReturnType<typeof penalize>,
    );
    expect(box).toHaveLength(64);
    expect(box[0]?.bundle).toBe('b6');
  });
});
