import type { SoakEvidence, UpdateState } from '@covey/protocol';
import type { MemberState, RolloutPlan, RolloutStateName, WaveStateName } from '@covey/protocol/api';
import type { DeviceRefusal } from '../storage/index.ts';

/** A device of a rollout. Membership and wave are frozen when the rollout is created. */
export interface Member {
  device: string;
  wave: number;
  state: MemberState;
  /** The version it was to run before; null: a first install. */
  previous: string | null;
  reason: string | null;
  evidence: SoakEvidence | null;
  /** The desired generation that this rollout last set; null: none, not yet carried out, or another order came since its outcome. */
  generation: number | null;
  updatedAt: number;
}

/** All that a decision needs; what the database holds and nothing besides. */
export interface Rollout {
  id: string;
  plan: RolloutPlan;
  state: RolloutStateName;
  reason: string | null;
  /** Index of the wave under way, or last under way. */
  wave: number;
  waves: WaveStateName[];
  members: Member[];
  /** When the wave, or the way back, began: its timeout counts from here. */
  phaseStartedAt: number | null;
  createdAt: number;
  createdBy: string;
  updatedAt: number;
}

/** What is known of a device, as far as a rollout of one model is concerned. */
export interface Observation {
  /** Why it is not let in; null: it is. */
  refusal: DeviceRefusal | null;
  /** The version of the rollout's model that it is to run, by whatever order came last; null: none. */
  wants: string | null;
  /** When the controller last heard of it. */
  lastSeenAt: number | null;
  /** Null: it has never reported. */
  reported: {
    /** When it arrived. */
    at: number;
    generation: number;
    state: UpdateState;
    reason: { code: string; message: string; until?: number | undefined } | null;
    isProven: boolean;
    evidence: SoakEvidence | null;
    /** The version of the rollout's model that serves now, by the digest of what is loaded; null: none. */
    serves: string | null;
    /** The rollout's version kept ending the inference process and is not loaded. */
    isQuarantined: boolean;
  } | null;
}
export type Observations = ReadonlyMap<string, Observation>;

/** Set the desired version of the rollout's model on a device; null removes the model. `settle`: to what it serves already. */
export interface Effect {
  kind: 'move' | 'return' | 'settle';
  device: string;
  version: string | null;
}
