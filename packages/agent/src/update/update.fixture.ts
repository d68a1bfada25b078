import { createHash } from 'node:crypto';
import { canonicalJson, type Desired } from '@covey/protocol';

export const versions = ['1.0.0', '2.0.0', '3.0.0'] as const;
export const sha = (text: string) => createHash('sha256').update(text).digest('hex');

/** A desired state with the picked version of m0, m1, ... */
export function desired(
  generation: number,
  picked: readonly string[],
  kind: Desired['setBy']['kind'] = 'rollout',
): Desired {
  const models = picked.map((version, index) => ({
    model: `m${index}`,
    version,
    number: 1,
    bundle: sha(`m${index}/${version}`),
  }));
  const soak = { minSamples: 10, maxDurationMs: 60_000, minAgreement: 0.9, maxErrorRate: 0.1 };
  const release = { id: sha(canonicalJson(models)), models };
  return { generation, release, soak, setBy: { kind, id: 'r' }, setAt: 0, now: 0 };
}
