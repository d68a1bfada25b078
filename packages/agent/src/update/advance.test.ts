import { type UpdateState, updateStates } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from '../plan/index.ts';
import { advance, type UpdateEvent, wakeAt } from './advance.ts';
import { allowed, type EventKind } from './allowed.fixture.ts';
import {
  candidateOf,
  changedModels,
  changesSoftware,
  initialUpdate,
  isSettled,
  type Update,
  wantedSoftware,
} from './state.ts';
import { desired, sha, versions } from './update.fixture.ts';

/** One thing that may happen, with all that is not yet known filled in from the state it meets. */
type Draft = { kind: EventKind; flavour: number; waitMs: number };
const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom<EventKind>(
    'desired',
    'started',
    'tick',
    'downloaded',
    'verified',
    'probed',
    'failed',
    'held',
    'localChanged',
    'candidateApplied',
    'committedApplied',
    'contact',
    'evidence',
    'runtimeDied',
    'quarantined',
  ),
  flavour: fc.nat(11),
  waitMs: fc.constantFrom(0, 1, 1_000, 61_000, 3_600_000),
});

/** Mostly what the state waits for, so that histories get far. */
const expected: Partial<Record<UpdateState, EventKind>> = {
  downloading: 'downloaded',
  verifying: 'verified',
  probing: 'probed',
  activating: 'candidateApplied',
  soaking: 'evidence',
  reverting: 'committedApplied',
};

function eventOf({ kind, flavour }: Draft, update: Update, now: number): UpdateEvent {
  const generation = flavour === 11 ? 0 : (update.desired?.generation ?? 0);
  const models = update.desired?.release.models ?? [];
  const codes = ['UNREACHABLE', 'DISK_FULL', 'TRUST_UNKNOWN', 'BUNDLE_CORRUPT', 'INTERNAL'];
  switch (kind) {
    case 'desired': {
      const picked = [versions[flavour % 3] ?? '1.0.0', versions[(flavour >> 1) % 3] ?? '1.0.0'];
      const setBy = flavour % 4 === 0 ? 'rollback' : 'rollout';
      return {
        kind,
        desired: desired(update.accepted + (flavour % 5 === 0 ? 0 : 1), picked.slice(flavour % 3), setBy),
      };
    }
    case 'verified':
      return {
        kind,
        generation,
        counters: Object.fromEntries(models.map((ref) => [ref.model, flavour % 4])),
      };
    case 'probed':
      return {
        kind,
        generation,
        results: models.map(({ model, version }) => ({
          model,
          version,
          variant: 'fp32',
          provider: 'cpu',
          ok: flavour % 4 !== 3,
          chosen: flavour % 4 !== 3,
          reason: flavour % 2 ? 'GOLDEN_MISMATCH' : 'MODEL_INVALID',
          maxError: 0,
          latencyMs: 1,
          memoryBytes: 1,
        })),
      };
    case 'failed': {
      const code = codes[flavour % codes.length] ?? 'INTERNAL';
      return { kind, generation, code, message: 'x', jitter: 0.5, progressed: flavour % 2 === 0 };
    }
    case 'held': {
      const until = [null, now - 1, now + 3_600_000, now + 400 * 86_400_000][flavour % 4] ?? null;
      return { kind, generation, code: 'HELD_LOCALLY', message: 'not now', until };
    }
    case 'evidence': {
      const samples = flavour * 2;
      const agreements = flavour % 4 === 0 ? 0 : samples;
      return {
        kind,
        generation,
        evidence: models.map(({ model }) => ({
          model,
          requests: samples,
          errors: 0,
          samples,
          agreements,
          latencyMs: 1,
          incumbentLatencyMs: 1,
          slower: 0,
          shift: { gained: [], lost: [] },
        })),
      };
    }
    case 'contact':
      return { kind, software: flavour % 2 === 0 ? wantedSoftware(update) : null };
    case 'started':
      return { kind, starts: flavour, inRow: flavour };
    case 'runtimeDied':
      return { kind, bundles: models.slice(flavour % 3).map(({ bundle }) => bundle) };
    case 'quarantined': {
      const served = update.committed?.release.models ?? [];
      return { kind, bundle: served[flavour % Math.max(1, served.length)]?.bundle ?? '', message: 'x' };
    }
    case 'downloaded':
    case 'candidateApplied':
      return { kind, generation };
    default:
      return { kind };
  }
}

function checkStep(before: Update, event: UpdateEvent, after: Update): void {
  // What is stale or has no meaning in a state changes nothing at all.
  if (after === before) {
    checkPlan(after);
    return;
  }
  const where = `${before.state} --${event.kind}--> ${after.state}`;
  expect(allowed[before.state][event.kind], where).toContain(after.state);
  expect(after.accepted).toBeGreaterThanOrEqual(before.accepted);
  checkLastGood(before, after, where);
  if (after.committed !== before.committed && after.state === 'reverting') {
    expect(before.committed?.proof, where).toBe('unproven');
    expect(after.committed, where).toBe(before.lastGood);
  } else if (after.committed !== before.committed) {
    expect(after.state, where).toBe('committed');
    expect(after.previous).toBe(before.committed);
    for (const [model, counter] of Object.entries(before.securityCounters)) {
      expect(after.securityCounters[model] ?? 0).toBeGreaterThanOrEqual(counter);
      const committed = before.candidateCounters[model];
      if (committed !== undefined) expect(committed, where).toBeGreaterThanOrEqual(counter);
    }
    if (after.committed?.proof === 'proven') {
      const isJudged =
        event.kind === 'evidence' ||
        changedModels(before).length === 0 ||
        event.kind === 'contact' ||
        before.deadMan.state === 'kept';
      const isReached =
        event.kind === 'contact' || before.deadMan.state === 'kept' || !changesSoftware(before);
      expect(isReached, where).toBe(true);
      expect(isJudged, where).toBe(true);
    }
  }
  if (after.state === 'rejected' || after.state === 'reverted') expect(after.reason, where).not.toBeNull();
  if (!isSettled(after)) expect(wakeAt(after), where).not.toBeNull();
  if (after.state === 'activating') {
    expect(after.choices?.map((choice) => choice.ref)).toEqual(after.desired?.release.models);
  }
  expect(after.held !== null, where).toBe(after.state === 'deferred');
  if (before.state === 'deferred' && !isSettled(after) && after.desired === before.desired)
    expect([before.state, before.held?.from], where).toContain(after.state);
  if (before.waiting && after.waiting === null) {
    const taken = after.desired?.generation ?? 0;
    expect(taken, where).toBeGreaterThanOrEqual(before.waiting.generation);
  }
  if (before.restarts <= 3 && after.restarts > 3 && after.desired === before.desired)
    expect(['reverting', 'reverted'], where).toContain(after.state);
  checkPlan(after);
}

/** What proved itself is never given up for what did not. */
function checkLastGood(before: Update, after: Update, where: string): void {
  if (after.lastGood === before.lastGood) return;
  expect(after.state, where).toBe('committed');
  if (before.lastGood) expect(after.lastGood?.proof, where).toBe('proven');
}

function checkPlan(update: Update): void {
  const everything = ['m0', 'm1', 'm2'].flatMap((model) =>
    versions.map((version) => sha(`${model}/${version}`)),
  );
  const steps = plan(update, { serving: null, work: null, bundles: everything, software: null });
  const pinned = [update.committed, update.previous, update.lastGood].flatMap(
    (kept) => kept?.release.models ?? [],
  );
  for (const step of steps) {
    if (step.kind === 'collect') for (const ref of pinned) expect(step.remove).not.toContain(ref.bundle);
    if (step.kind === 'serve' && update.state !== 'activating' && update.state !== 'soaking') {
      expect(step.choices).toEqual(update.committed?.choices ?? []);
    }
  }
}

describe('the update machine', () => {
  it('keeps its invariants over every history', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(draft, fc.nat(3)), { maxLength: 60 }), (history) => {
        let update = initialUpdate;
        let now = 1_000;
        for (const [step, luck] of history) {
          const helpful = luck > 0 ? expected[update.state] : undefined;
          now += helpful ? 1 : step.waitMs;
          const event = eventOf({ ...step, kind: helpful ?? step.kind }, update, now);
          const next = advance(update, event, now);
          checkStep(update, event, next);
          update = next;
        }
        // Time alone ends everything.
        for (let ticks = 0; !isSettled(update) || update.waiting; ticks++) {
          expect(ticks).toBeLessThan(10_000);
          now = Math.max(now, wakeAt(update) ?? now);
          const next = advance(update, { kind: 'tick' }, now);
          checkStep(update, { kind: 'tick' }, next);
          // With nobody doing the steps a download only ends by its bound.
          if (next.state === 'downloading' && next.retryAt === null) now = next.deadlineAt ?? now;
          update = next;
        }
      }),
      { numRuns: process.env.COVEY_LONG === undefined ? 1_000 : 20_000 },
    );
  });

  it('answers every event in every state', () => {
    for (const state of updateStates) {
      const update: Update = {
        ...initialUpdate,
        state,
        desired: desired(1, ['1.0.0']),
        accepted: 1,
        choices: [],
      };
      for (const kind of Object.keys(allowed[state]) as EventKind[]) {
        const after = advance(update, eventOf({ kind, flavour: 1, waitMs: 0 }, update, 5), 5);
        expect(allowed[state][kind], `${state} --${kind}-->`).toContain(after.state);
      }
    }
  });

  it('ignores what a step says of a generation no longer worked on', () => {
    const downloading = advance(initialUpdate, { kind: 'desired', desired: desired(7, ['1.0.0']) }, 0);
    expect(candidateOf(downloading)?.models).toHaveLength(1);
    expect(advance(downloading, { kind: 'downloaded', generation: 6 }, 1)).toBe(downloading);
  });
});
