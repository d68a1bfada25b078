import { createHash } from 'node:crypto';
import { CoveyError, canonicalJson, type Desired, isSoftware, type ModelVersionRef } from '@covey/protocol';
import type { Update } from '../update/index.ts';

/** Further ahead than a controller may come while a device is away: a generation past the one wanted was set on the device. */
const generationsAhead = 2 ** 20;

/** As rollouts have it unless told otherwise. */
const soak: Desired['soak'] = {
  minSamples: 50,
  maxDurationMs: 600_000,
  minAgreement: 0.98,
  maxErrorRate: 0.01,
  maxLatencyRatio: 3,
  maxMemoryRatio: 3,
  maxOutputShift: 0.1,
};

/**
 * The committed release with one model of another version, as somebody orders it on the device itself. Errors:
 * INVALID_ARGUMENT for software of the agent, which has to reach the controller to prove itself.
 */
export function localOrder(update: Update, ref: ModelVersionRef, id: string, now: number): Desired {
  if (isSoftware(ref.model))
    throw new CoveyError('INVALID_ARGUMENT', `${ref.model}: software of the agent comes by a rollout`);
  const others = (update.committed?.release.models ?? []).filter(({ model }) => model !== ref.model);
  const models = [...others, ref].sort((a, b) => (a.model < b.model ? -1 : 1));
  return {
    generation: update.accepted + generationsAhead,
    release: { id: createHash('sha256').update(canonicalJson(models)).digest('hex'), models },
    soak,
    setBy: { kind: 'operator', id },
    setAt: now,
    now,
  };
}
