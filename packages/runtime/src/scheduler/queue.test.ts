import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PriorityQueue, rankOf } from './queue.ts';

const item = fc.record({
  priority: fc.integer({ min: 0, max: 12 }),
  enqueuedMs: fc.integer({ min: 0, max: 3_000 }),
});

test('the order is that of a stable sort by rank, whatever is taken out between', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(item, fc.nat(9))), (steps) => {
      const queue = new PriorityQueue<{ priority: number; enqueuedMs: number }>();
      let model: { priority: number; enqueuedMs: number }[] = [];
      for (const [added, what] of steps) {
        queue.add(added);
        model = [...model, added].sort((a, b) => rankOf(a) - rankOf(b));
        const victim = model[what * 3];
        if (what < 4 && victim) {
          expect(queue.remove(victim)).toBe(true);
          model.splice(model.indexOf(victim), 1);
        }
        expect(queue.items).toEqual(model);
        if (what === 9) {
          const isTaken = ({ priority }: { priority: number }) => priority % 2 === 0;
          expect(queue.takeIf(isTaken)).toEqual(model.filter(isTaken));
          model = model.filter((one) => !isTaken(one));
        }
      }
    }),
  );
});

test('1 is highest, 0 is the middle, and nothing is overtaken by what came two seconds later', () => {
  const at = (priority: number, enqueuedMs = 0) => rankOf({ priority, enqueuedMs });
  expect(at(1)).toBeLessThan(at(0));
  expect(at(0)).toBe(at(5));
  expect(at(9)).toBeLessThanOrEqual(at(1, 2_000));
});
