import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advanceDeadMan, type DeadMan, type DeadManEvent, steady } from './deadman.ts';

const event = fc.oneof(
  fc.record({ kind: fc.constant('tried' as const), id: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ kind: fc.constantFrom('contact' as const, 'timeOver' as const, 'started' as const) }),
);

it('keeps its invariants over every history', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (history) => {
      let deadMan: DeadMan<string> = steady;
      let holds = 'first';
      for (const drawn of history) {
        const told: DeadManEvent<string> = drawn.kind === 'tried' ? { ...drawn, before: holds } : drawn;
        const before = deadMan;
        const next = advanceDeadMan(before, told);
        deadMan = next.deadMan;
        if (told.kind === 'tried') {
          const isTaken = deadMan !== before;
          expect(isTaken).toBe(before.trial === null && !before.refused.includes(told.id));
          if (isTaken) holds = told.id;
        } else if (next.restore !== null) {
          expect(next.restore).toBe(before.trial?.before);
          expect(['timeOver', 'started']).toContain(told.kind);
          expect(deadMan.refused).toContain(before.trial?.id);
          holds = next.restore;
        } else if (told.kind === 'timeOver') expect(before.trial).toBeNull();
        if (before.trial && deadMan.trial) expect(deadMan.trial.before).toBe(before.trial.before);
      }
      // Without contact a trial ends by starts alone.
      let starts = 0;
      for (; deadMan.trial; starts++) deadMan = advanceDeadMan(deadMan, { kind: 'started' }).deadMan;
      expect(starts).toBeLessThanOrEqual(3);
    }),
  );
});
