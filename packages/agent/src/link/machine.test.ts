import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advanceLink,
  backoff,
  type LinkEvent,
  type LinkMachine,
  type LinkState,
  stoppedLink,
} from './machine.ts';

const event: fc.Arbitrary<LinkEvent> = fc.oneof(
  fc.constantFrom<LinkEvent>(
    { kind: 'start' },
    { kind: 'accepted' },
    { kind: 'greeted' },
    { kind: 'retry' },
    { kind: 'stop' },
  ),
  fc.record({
    kind: fc.constantFrom('failed' as const, 'closed' as const, 'moved' as const),
    jitter: fc.double({ min: 0, max: 0.99 }),
  }),
  fc.record({
    kind: fc.constant('ordered' as const),
    retryAfterMs: fc.nat(100_000),
    jitter: fc.double({ min: 0, max: 0.99 }),
  }),
);

/** What the world would have under way after these steps. */
interface Model {
  attempts: number;
  sessions: number;
  timers: number;
  announced: boolean;
}
const underWay: Record<LinkState, Model> = {
  stopped: { attempts: 0, sessions: 0, timers: 0, announced: false },
  connecting: { attempts: 1, sessions: 0, timers: 0, announced: false },
  greeting: { attempts: 0, sessions: 1, timers: 0, announced: false },
  online: { attempts: 0, sessions: 1, timers: 0, announced: true },
  waiting: { attempts: 0, sessions: 0, timers: 1, announced: false },
};

function apply(model: Model, machine: LinkMachine, event: LinkEvent, nowMs: number): [Model, LinkMachine] {
  const next = { ...model };
  if (event.kind === 'accepted' && machine.state === 'connecting') {
    next.attempts--;
    next.sessions++;
  }
  if (event.kind === 'retry' && machine.state === 'waiting') next.timers--;
  const after = advanceLink(machine, event, nowMs);
  for (const step of after.steps) {
    if (step.kind === 'connect') next.attempts++;
    if (step.kind === 'end' || step.kind === 'drop') next.attempts = next.sessions = 0;
    if (step.kind === 'drop' || step.kind === 'connect') next.timers = 0;
    if (step.kind === 'wait') next.timers++;
    if (step.kind === 'announceOnline') next.announced = true;
    if (step.kind === 'announceOffline') next.announced = false;
  }
  return [next, after.machine];
}

describe('the link machine', () => {
  it('has exactly under way what its state says, over every history', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(200_000)), { maxLength: 80 }), (history) => {
        let model = underWay.stopped;
        let machine = stoppedLink;
        let nowMs = 0;
        for (const [happening, passedMs] of history) {
          nowMs += passedMs;
          [model, machine] = apply(model, machine, happening, nowMs);
          expect(model).toEqual(underWay[machine.state]);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('waits with full jitter up to the cap, and starts anew after a steady connection only', () => {
    const fail = (machine: LinkMachine) => advanceLink(machine, { kind: 'failed', jitter: 0.999999 }, 0);
    const wait = (steps: ReturnType<typeof fail>['steps']) =>
      steps.flatMap((step) => (step.kind === 'wait' ? step.delayMs : []));
    let machine: LinkMachine = { ...stoppedLink, state: 'connecting' };
    const waits = Array.from({ length: 10 }, () => {
      const after = fail(machine);
      machine = { ...after.machine, state: 'connecting' };
      return wait(after.steps)[0];
    });
    expect(waits.slice(0, 3)).toEqual([1_000, 2_000, 4_000]);
    expect(waits.at(-1)).toBe(backoff.capMs);
    const online: LinkMachine = { state: 'online', failuresInRow: 5, onlineSinceMs: 0 };
    const closed = { kind: 'closed', jitter: 0.999999 } as const;
    expect(wait(advanceLink(online, closed, 1_000).steps)).toEqual([32_000]);
    expect(wait(advanceLink(online, closed, backoff.steadyMs).steps)).toEqual([1_000]);
  });

  it('never comes back before the controller said', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.double({ min: 0, max: 0.99, noNaN: true }), (retryAfterMs, jitter) => {
        const online: LinkMachine = { state: 'online', failuresInRow: 0, onlineSinceMs: 0 };
        const { steps } = advanceLink(online, { kind: 'ordered', retryAfterMs, jitter }, 1);
        const [delayMs = -1] = steps.flatMap((step) => (step.kind === 'wait' ? step.delayMs : []));
        expect(delayMs).toBeGreaterThanOrEqual(retryAfterMs);
      }),
    );
  });
});
