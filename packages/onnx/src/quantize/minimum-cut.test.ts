import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MinimumCut } from './minimum-cut.ts';

const edges = fc.array(
  fc.record({ from: fc.nat(6), to: fc.nat(6), cost: fc.nat(20) }).filter(({ from, to }) => from !== to),
  { maxLength: 20 },
);

test('no other split of a small graph is cheaper', () => {
  fc.assert(
    fc.property(edges, (list) => {
      const cut = new MinimumCut();
      for (let node = 2; node <= 6; node++) cut.node();
      for (const { from, to, cost } of list) cut.edge(from, to, cost);
      const costOf = (isSource: (node: number) => boolean) =>
        list.reduce((sum, { from, to, cost }) => sum + (isSource(from) && !isSource(to) ? cost : 0), 0);
      const found = costOf(cut.split());
      for (let sides = 0; sides < 32; sides++)
        expect(found).toBeLessThanOrEqual(
          costOf((node) => node === 0 || (node > 1 && ((sides >> (node - 2)) & 1) === 1)),
        );
    }),
  );
});
