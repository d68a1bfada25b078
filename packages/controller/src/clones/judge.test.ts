import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootsKept, type History, judgeBirth } from './judge.ts';

const dayMs = 86_400_000;

/** The controller's side: remembers as clones.ts does, and says what it found. */
function controller() {
  let history: History = { boots: [], upTo: 0, wentBackAt: null };
  return (birth: { bootId: string; nextSeq: number }, sentUpTo: number, now: number) => {
    const { clone, wentBack } = judgeBirth(history, birth, now);
    const isKnown = history.boots.includes(birth.bootId);
    history = {
      boots: isKnown ? history.boots : [...history.boots, birth.bootId].slice(-bootsKept),
      upTo: wentBack ? sentUpTo : Math.max(history.upTo, sentUpTo),
      wentBackAt: wentBack ? now : history.wentBackAt,
    };
    return clone?.evidence ?? null;
  };
}

/** A machine with a data folder: reconnects and restarts as it likes, and sends. */
class Machine {
  nextSeq: number;
  #boots = 0;
  readonly name: string;
  constructor(name: string, nextSeq: number) {
    this.name = name;
    this.nextSeq = nextSeq;
  }
  restart() {
    this.#boots++;
  }
  get birth() {
    return { bootId: `${this.name}-${this.#boots}`, nextSeq: this.nextSeq };
  }
}

const step = fc.record({
  restart: fc.boolean(),
  messages: fc.nat({ max: 20 }),
  /** Taken by the outbox, and not yet sent when the connection broke. */
  unsent: fc.nat({ max: 5 }),
});

describe('one machine', () => {
  it('is never taken for two, however often it restarts and connects', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const heard = controller();
        const machine = new Machine('a', 1);
        for (const [index, { restart, messages, unsent }] of steps.entries()) {
          if (restart) machine.restart();
          const { birth } = machine;
          machine.nextSeq += messages + unsent;
          expect(heard(birth, birth.nextSeq - 1 + messages, index * 1_000)).toBeNull();
        }
      }),
    );
  });

  it('may lose its outbox once in a while', () => {
    const heard = controller();
    expect(heard({ bootId: 'a', nextSeq: 1 }, 100, 0)).toBeNull();
    expect(heard({ bootId: 'b', nextSeq: 1 }, 50, dayMs)).toBeNull();
    expect(heard({ bootId: 'c', nextSeq: 1 }, 50, 40 * dayMs)).toBeNull();
    expect(heard({ bootId: 'd', nextSeq: 1 }, 50, 41 * dayMs)).toBe('sequence-back');
  });
});

describe('a machine and a copy of it', () => {
  it('are told apart by the third connection when both are on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.nat({ max: 20 }), (copiedAt, messages) => {
        const heard = controller();
        const original = new Machine('a', copiedAt);
        const copy = new Machine('b', copiedAt);
        heard(original.birth, copiedAt - 1 + messages, 0);
        original.nextSeq += messages;
        heard(copy.birth, copiedAt - 1 + messages, 1);
        expect(heard(original.birth, original.nextSeq - 1, 2)).toBe('returned-boot');
      }),
    );
  });

  it('are told apart when they are on by turns, each started anew', () => {
    const heard = controller();
    const original = new Machine('a', 100);
    const copy = new Machine('b', 100);
    const found: (string | null)[] = [];
    for (const [index, machine] of [original, copy, original, copy].entries()) {
      machine.restart();
      const { birth } = machine;
      machine.nextSeq += 10;
      found.push(heard(birth, machine.nextSeq - 1, index * dayMs));
    }
    expect(found.filter(Boolean)).toContain('sequence-back');
  });
});
