import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advanceDeadMan, type DeadMan, type DeadManEvent, steady } from './deadman.ts';

const ids = ['a', 'b', 'c'];
const event: fc.Arbitrary<DeadManEvent> = fc.oneof(
  fc.record({ kind: fc.constant('tried' as const), id: fc.constantFrom(...ids) }),
  fc.record({ kind: fc.constantFrom('contact' as const, 'timeOver' as const, 'started' as const) }),
);

/** What its owner would have in force, told in other words than the table. */
class Owner {
  holds = 'first';
  before = 'first';
  tried: string | null = null;
  starts = 0;
  readonly failed = new Set<string>();

  told(event: DeadManEvent): void {
    if (event.kind === 'tried') {
      if (this.tried !== null || this.failed.has(event.id) || event.id === this.holds) return;
      [this.before, this.holds, this.tried, this.starts] = [this.holds, event.id, event.id, 0];
    } else if (this.tried === null) return;
    else if (event.kind === 'contact') this.tried = null;
    else if (event.kind === 'timeOver' || ++this.starts > 2) {
      this.failed.add(this.tried);
      [this.holds, this.tried] = [this.before, null];
    }
  }
}

it('does as its model does, over every history', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (history) => {
      const owner = new Owner();
      let deadMan = steady;
      let holds = 'first';
      let before = holds;
      for (const told of history) {
        // What holds already is not tried: that is its owner's to see.
        if (told.kind === 'tried' && told.id === holds) continue;
        const next = advanceDeadMan(deadMan, told);
        if (next !== deadMan && next.state === 'pending' && told.kind === 'tried')
          [before, holds] = [holds, told.id];
        if (next.state === 'takenBack' && deadMan.state === 'pending') holds = before;
        if (next.state === 'kept' && deadMan.state !== 'kept') expect(told.kind).toBe('contact');
        if (deadMan.state === 'kept' && told.kind !== 'tried') expect(next).toBe(deadMan);
        owner.told(told);
        deadMan = next;
        expect([holds, deadMan.state === 'pending' ? deadMan.id : null]).toEqual([owner.holds, owner.tried]);
        expect(new Set(deadMan.refused)).toEqual(owner.failed);
      }
      // Without contact a trial ends by time, and by starts, alone.
      expect(advanceDeadMan(deadMan, { kind: 'timeOver' }).state).not.toBe('pending');
      let starts = 0;
      for (; deadMan.state === 'pending'; starts++) deadMan = advanceDeadMan(deadMan, { kind: 'started' });
      expect(starts).toBeLessThanOrEqual(3);
    }),
    { numRuns: 1_000 },
  );
});

it('answers every event in every state', () => {
  const pending: DeadMan = { ...steady, state: 'pending', id: 'a' };
  const states: DeadMan[] = [
    steady,
    pending,
    { ...pending, state: 'kept' },
    { ...pending, state: 'takenBack', refused: ['a'] },
  ];
  const ends = states.map((deadMan) =>
    [
      { kind: 'tried', id: 'b' } as const,
      { kind: 'contact' } as const,
      { kind: 'timeOver' } as const,
      { kind: 'started' } as const,
    ].map((told) => advanceDeadMan(deadMan, told).state),
  );
  expect(ends).toEqual([
    ['pending', 'steady', 'steady', 'steady'],
    ['pending', 'kept', 'takenBack', 'pending'],
    ['pending', 'kept', 'kept', 'kept'],
    ['pending', 'takenBack', 'takenBack', 'takenBack'],
  ]);
});
