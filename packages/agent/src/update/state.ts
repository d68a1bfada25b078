import {
  type Desired,
  isSoftware,
  type ModelVersionRef,
  type ProbeResult,
  type Provider,
  type Release,
  type SoakEvidence,
  type UpdateState,
} from '@covey/protocol';
import { type DeadMan, steady } from '../deadman/index.ts';
import type { Penalty } from './penalties.ts';

/** A model version with the variant, provider and threads that the probe found fastest inside the error budget here. */
export interface Choice {
  ref: ModelVersionRef;
  variant: string;
  provider: Provider;
  /** Absent in ledgers of agents that knew one thread alone. */
  threads?: number;
  /** What its probe found here: an interval that holds the median, and the memory it takes. Absent where it was not measured. */
  measured?: { latencyMs: [number, number] | null; memoryBytes: number | null };
}

/** A release that was committed here. */
export interface SettledRelease {
  release: Release;
  choices: Choice[];
  proof: 'proven' | 'unproven';
}

/** Bundles that must stay on the disk, whatever else is removed. */
export function pinnedBundles(update: Update): Set<string> {
  const { committed, previous, lastGood, waiting } = update;
  const releases = [committed?.release, previous?.release, lastGood?.release, waiting?.release];
  return new Set(releases.flatMap((release) => release?.models.map((ref) => ref.bundle) ?? []));
}

/** Work that waits until it may go on: the state it is in, since when, and when that state would have ended. */
export interface Held {
  from: 'downloading' | 'verifying' | 'probing';
  since: number;
  deadlineAt: number | null;
}

/** All that the update machine knows; persisted as it is. Immutable. Times are ledger time, unix milliseconds. */
export interface Update {
  state: UpdateState;
  /** Highest desired generation accepted. */
  accepted: number;
  /** What `state` is about. */
  desired: Desired | null;
  /** A newer one that came too late to pre-empt. */
  waiting: Desired | null;
  committed: SettledRelease | null;
  /** The one committed before: kept on disk, so that going back needs no network. */
  previous: SettledRelease | null;
  /**
   * The last that proved itself, and while none has, the one before the first that did not: kept on disk, and never replaced
   * by one that is unproven. What the device falls back to when an unproven version turns out to be bad.
   */
  lastGood: SettledRelease | null;
  /** Bundles that failed here, the latest last. */
  penalties: readonly Penalty[];
  /** Of the candidate, once probed. */
  choices: Choice[] | null;
  probe: ProbeResult[];
  /** Highest security counter committed, per model. */
  securityCounters: Record<string, number>;
  /** Those of the candidate, once verified. */
  candidateCounters: Record<string, number>;
  /** When the state ends by itself; null: it does not. */
  deadlineAt: number | null;
  /** When the bytes must have come, however often they are found damaged and fetched again. */
  fetchBy: number | null;
  /** When a failed download is tried again, or what was held is asked for again. */
  retryAt: number | null;
  /** Of `deferred`: what it interrupted. */
  held: Held | null;
  /** Time spent deferred so far, of this generation: the bounds of what was interrupted do not run meanwhile. */
  heldMs: number;
  /** Pieces of work begun again, of this generation. */
  attempts: number;
  /** Downloads that failed in a row without getting anywhere. */
  failuresInRow: number;
  /** All starts of the agent ever when it last started with the candidate verified, as counted outside of the ledger; null: it has not. */
  starts: number | null;
  /** Starts of the agent since the candidate was verified: a candidate that takes the device down shows here. */
  restarts: number;
  /** Deaths of the runtime since activation. */
  deaths: number;
  /** The switch for software of the agent, from its activation on: it has to reach the controller from this device. */
  deadMan: DeadMan;
  /** The soak ended inconclusive and the golden vectors run again. */
  isReplaying: boolean;
  evidence: SoakEvidence | null;
  reason: { code: string; message: string } | null;
}

/** What belongs to one attempt at one desired generation: a new one begins with none of it. */
export const noAttempt = {
  waiting: null,
  choices: null,
  probe: [],
  candidateCounters: {},
  fetchBy: null,
  held: null,
  heldMs: 0,
  attempts: 0,
  failuresInRow: 0,
  starts: null,
  restarts: 0,
  deaths: 0,
  deadMan: steady,
  isReplaying: false,
  evidence: null,
  reason: null,
} satisfies Partial<Update>;

export const initialUpdate: Update = {
  ...noAttempt,
  state: 'idle',
  accepted: 0,
  desired: null,
  committed: null,
  previous: null,
  lastGood: null,
  penalties: [],
  securityCounters: {},
  deadlineAt: null,
  retryAt: null,
};

/** Whether the machine has nothing under way and takes up a new desired generation at once. */
export function isSettled(update: Update): boolean {
  return ['idle', 'committed', 'reverted', 'rejected'].includes(update.state);
}

/** Orders that came to the device in a file have an id that begins so: what they bring cannot become another. */
export const parcelPrefix = 'parcel ';

/** The release on its way in, null when none is or it is being taken back. */
export function candidateOf(update: Update): Release | null {
  return isSettled(update) || update.state === 'reverting' ? null : (update.desired?.release ?? null);
}

/** Models of the candidate that are not committed as they are. */
export function changedModels(update: Update): ModelVersionRef[] {
  const committed = new Set(update.committed?.release.models.map((ref) => ref.bundle));
  return (candidateOf(update)?.models ?? []).filter((ref) => !committed.has(ref.bundle));
}

/** Digest of the agent's software among these; null: what the device was installed with. */
function softwareAmong(refs: readonly ModelVersionRef[] | undefined): string | null {
  return refs?.find(({ model }) => isSoftware(model))?.bundle ?? null;
}

/** Digest of the agent's software that shall run: the candidate's from its activation on, else the committed one. */
export function wantedSoftware(update: Update): string | null {
  const isTried = update.state === 'activating' || update.state === 'soaking';
  const release = isTried ? update.desired?.release : update.committed?.release;
  return softwareAmong(release?.models);
}

/** Whether the candidate changes the agent's software: then it must reach the controller before anything is committed. */
export function changesSoftware(update: Update): boolean {
  const candidate = candidateOf(update);
  return (
    candidate !== null && softwareAmong(candidate.models) !== softwareAmong(update.committed?.release.models)
  );
}

/** Whether nothing more is asked of the candidate than what its models show: it changes no software, or that had contact. */
export function isReached(update: Update): boolean {
  return !changesSoftware(update) || update.deadMan.state === 'kept';
}

/** Whether other software of the agent serves and has not reached the controller yet. */
export function isSoftwareOnTrial({ state, deadMan }: Update): boolean {
  return (state === 'activating' || state === 'soaking') && deadMan.state === 'pending';
}

/** Changed models that can be loaded: all but the agent's software. */
export function judgedModels(update: Update): ModelVersionRef[] {
  return changedModels(update).filter(({ model }) => !isSoftware(model));
}

/**
 * Changed models whose committed version serves as the yardstick in the soak. None in a rollback: agreeing with the
 * version that is being taken back proves nothing, and disagreeing with it is the purpose.
 */
export function comparedModels(update: Update): Choice[] {
  if (update.desired?.setBy.kind === 'rollback') return [];
  const changed = new Set(judgedModels(update).map((ref) => ref.model));
  return (update.committed?.choices ?? []).filter((choice) => changed.has(choice.ref.model));
}
