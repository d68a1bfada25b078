import type { Desired, SoakPolicy } from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import { setModelVersion } from '../fleet/index.ts';
import type { Tx } from '../storage/index.ts';
import type { Step } from './advance.ts';
import type { Rollout } from './state.ts';
import { supersede, updateRollout } from './store.ts';

/**
 * A way back is not to be judged against the version it leaves: any answer settles it, and without traffic it is over in a
 * second. The golden vectors are still replayed.
 */
export const returnSoak: SoakPolicy = {
  minSamples: 1,
  maxDurationMs: 1_000,
  minAgreement: 0,
  maxErrorRate: 1,
};

/** Carries out a step's effects and stores its rollout, in one transaction. The devices are those whose desired state changed. */
export async function carryOut(tx: Tx, before: Rollout, step: Step, now: number): Promise<string[]> {
  const generations = new Map<string, number>();
  for (const { kind, device, version } of step.effects) {
    const { id, plan } = before;
    const setBy: Desired['setBy'] = { kind: kind === 'move' ? 'rollout' : 'rollback', id };
    const soak = kind === 'move' ? plan.soak : returnSoak;
    const force = kind === 'move' && plan.force;
    // The way back waits for nothing but somebody on the device.
    const delivery = kind === 'move' ? plan.delivery : undefined;
    const change = { device, model: plan.model, version, soak, force, delivery, setBy, now };
    generations.set(device, await setModelVersion(tx, change));
  }
  await supersede(tx, { model: before.plan.model, devices: [...generations.keys()], by: before.id });
  const rollout = {
    ...step.rollout,
    members: step.rollout.members.map((member) => ({
      ...member,
      generation: generations.get(member.device) ?? member.generation,
    })),
  };
  if (step.rollout !== before) await updateRollout(tx, before, rollout);
  if (rollout.state !== before.state || rollout.wave !== before.wave)
    await writeAudit(tx, {
      at: now,
      actor: 'system',
      action: `rollout.${rollout.state}`,
      subject: `rollout:${rollout.id}`,
      detail: { from: before.state, wave: rollout.wave + 1, reason: rollout.reason },
    });
  return [...generations.keys()];
}
