import type { SoakEvidence, UpdateState } from '@covey/protocol';
import { RolloutPlan } from '@covey/protocol/api';
import { advance, command, type RolloutCommand } from './advance.ts';
import type { Effect, Observation, Rollout } from './state.ts';
import { divideIntoWaves } from './waves.ts';

export const plan = (overrides: object = {}): RolloutPlan =>
  RolloutPlan.parse({
    model: 'bearing',
    version: '2.0.0',
    waves: [{ count: 1 }],
    gate: { timeoutMs: 60_000 },
    ...overrides,
  });

export function newRollout(devices: string[], plan: RolloutPlan, previous: string | null = '1.0.0'): Rollout {
  const waves = divideIntoWaves(devices, plan.waves);
  return {
    id: 'r1',
    plan,
    state: 'running',
    reason: null,
    wave: 0,
    waves: waves.map(() => 'waiting'),
    members: waves.flatMap((wave, index) =>
      wave.map((device) => ({
        device,
        wave: index,
        state: 'waiting' as const,
        previous,
        reason: null,
        evidence: null,
        generation: null,
        updatedAt: 0,
      })),
    ),
    phaseStartedAt: null,
    createdAt: 0,
    createdBy: 'admin',
    updatedAt: 0,
  };
}

/** Rollout and devices together: carries out effects as the controller does, with one generation counter per device. */
export class World {
  rollout: Rollout;
  now = 0;
  readonly generations = new Map<string, number>();
  readonly seen = new Map<string, Observation>();
  readonly effects: Effect[] = [];

  constructor(rollout: Rollout) {
    this.rollout = rollout;
    for (const { device, previous } of rollout.members)
      this.seen.set(device, {
        ...{ refusal: null, wants: previous, lastSeenAt: 0 },
        reported: { ...report('committed', previous), at: 0, generation: 0 },
      });
  }

  tick(): Effect[] {
    const step = advance(this.rollout, this.seen, this.now);
    this.carryOut(step.rollout, step.effects);
    return step.effects;
  }

  order(order: RolloutCommand): boolean {
    const step = command(this.rollout, order, 'admin', this);
    if (!step) return false;
    this.carryOut(step.rollout, step.effects);
    return true;
  }

  report(device: string, reported: Omit<NonNullable<Observation['reported']>, 'generation' | 'at'>): void {
    const generation = this.generations.get(device) ?? 0;
    this.observe(device, { lastSeenAt: this.now, reported: { ...reported, at: this.now, generation } });
  }

  observe(device: string, change: Partial<Observation>): void {
    const before = this.seen.get(device) ?? { refusal: null, wants: null, lastSeenAt: 0, reported: null };
    this.seen.set(device, { ...before, ...change });
  }

  private carryOut(rollout: Rollout, effects: Effect[]): void {
    const set = new Map<string, number>();
    for (const { device, version } of effects) {
      this.observe(device, { wants: version });
      const generation = (this.generations.get(device) ?? 0) + 1;
      this.generations.set(device, generation);
      set.set(device, generation);
    }
    this.effects.push(...effects);
    this.rollout = {
      ...rollout,
      members: rollout.members.map((member) => ({
        ...member,
        generation: set.get(member.device) ?? member.generation,
      })),
    };
  }
}

export function seenEvidence(seen: Partial<SoakEvidence>): SoakEvidence {
  return {
    ...{ verdict: 'open', samples: 0, agreement: null, agreementInterval: [0, 1], errors: 0, requests: 0 },
    ...{ errorRateInterval: [0, 1], latencyRatio: null, slower: 0, outputShift: null },
    ...seen,
  };
}

export function report(state: UpdateState, serves: string | null, isProven = true) {
  return { state, serves, isProven, reason: null, evidence: null, isQuarantined: false };
}
export const stateOf = (world: World, device: string) =>
  world.rollout.members.find((member) => member.device === device)?.state;
