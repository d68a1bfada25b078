import { expect, test } from 'vitest';
import { ofWhich } from './device.ts';

const order = (model: string, generation: number) => ({
  ...{ model, generation, setAt: 1 },
  setBy: { kind: 'rollout' as const, id: 'rollout-1' },
});

test.each([
  ['the only model', [order('bearing', 2)], 2, ''],
  ['one of two', [order('bearing', 1), order('mnist', 2)], 2, ', the update of mnist'],
  [
    'one of two, before the last order',
    [order('bearing', 1), order('mnist', 2)],
    1,
    ', the update of bearing',
  ],
  ['no order that is known', [order('bearing', 1), order('mnist', 3)], 2, ''],
])('an update of %s is said to be that', (_what, orders, generation, text) => {
  expect(ofWhich({ models: orders, orders }, generation)).toBe(text);
});
