import type { UpdateState } from '@covey/protocol';
import type { UpdateEvent } from './advance.ts';

export type EventKind = UpdateEvent['kind'];

/** Where each event may lead from each state: the compiler asks for all of it. */
export const allowed: Record<UpdateState, Record<EventKind, UpdateState[]>> = {
  idle: settledRow('idle'),
  committed: settledRow('committed'),
  reverted: settledRow('reverted'),
  rejected: settledRow('rejected'),
  downloading: {
    ...only('downloading'),
    desired: ['downloading', 'deferred', 'committed'],
    tick: ['downloading', 'reverted'],
    downloaded: ['verifying'],
    failed: ['downloading', 'rejected', 'deferred'],
    held: ['deferred'],
  },
  deferred: {
    ...only('deferred'),
    desired: ['downloading', 'deferred', 'committed'],
    tick: ['deferred', 'downloading', 'verifying', 'probing', 'reverted'],
  },
  verifying: {
    ...only('verifying'),
    desired: ['downloading', 'deferred', 'committed'],
    started: ['verifying', 'reverted'],
    tick: ['verifying', 'reverted'],
    verified: ['probing', 'activating', 'rejected'],
    failed: ['downloading', 'rejected', 'reverted', 'deferred'],
    held: ['deferred'],
  },
  probing: {
    ...only('probing'),
    desired: ['downloading', 'deferred', 'committed'],
    started: ['probing', 'reverted'],
    tick: ['probing', 'reverted'],
    probed: ['activating', 'reverted', 'rejected'],
    failed: ['reverted', 'rejected', 'deferred', 'downloading'],
    held: ['deferred'],
  },
  activating: {
    ...only('activating'),
    started: ['activating', 'reverting'],
    tick: ['activating', 'reverting'],
    failed: ['activating', 'reverting'],
    candidateApplied: ['soaking', 'committed', 'reverting'],
    runtimeDied: ['reverting'],
  },
  soaking: {
    ...only('soaking'),
    desired: ['soaking', 'reverting'],
    contact: ['soaking', 'committed'],
    started: ['soaking', 'reverting'],
    tick: ['soaking', 'reverting'],
    probed: ['soaking', 'committed', 'reverting'],
    failed: ['soaking', 'reverting'],
    evidence: ['soaking', 'committed', 'reverting'],
    runtimeDied: ['soaking', 'reverting'],
  },
  reverting: { ...only('reverting'), tick: ['reverting', 'reverted'], committedApplied: ['reverted'] },
};

function only(state: UpdateState): Record<EventKind, UpdateState[]> {
  return {
    desired: [state],
    started: [state],
    tick: [state],
    downloaded: [state],
    verified: [state],
    probed: [state],
    failed: [state],
    held: [state],
    localChanged: [state],
    candidateApplied: [state],
    committedApplied: [state],
    contact: [state],
    evidence: [state],
    runtimeDied: [state],
    quarantined: [state],
  };
}

function settledRow(state: UpdateState): Record<EventKind, UpdateState[]> {
  return {
    ...only(state),
    desired: ['downloading', 'deferred', 'committed'],
    tick: [state, 'downloading', 'deferred', 'committed'],
    started: [state, 'reverting'],
    quarantined: [state, 'reverting'],
  };
}
