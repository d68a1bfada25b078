import type { Route } from '@covey/protocol';
import { murmur3 } from './hash.ts';

/** A version and its share of the requests. */
export interface Arm {
  version: string;
  share: number;
}

/** All arms of a route, by version, and last the default with what they leave. */
export function armsOf({ version, split = [] }: Pick<Route, 'version' | 'split'>): Arm[] {
  const others = split
    .filter((arm) => arm.version !== version && arm.share > 0)
    .sort((a, b) => (a.version < b.version ? -1 : 1));
  const rest = others.reduce((left, arm) => left - arm.share, 1);
  // Shares that add up to 1 leave what rounding leaves.
  return rest > 1e-9 ? [...others, { version, share: rest }] : others;
}

/**
 * The arm of a key: each in turn takes the keys whose hash (of model, version and key, as a share of all) is below its part
 * of what the ones before it left. So a key is in an arm with the probability of its share, wherever it is asked; a growing
 * share takes keys from others and loses none; and since the version is in the hash, every rollout finds other keys first.
 */
export function armOfKey(arms: readonly Arm[], model: string, key: string): string | undefined {
  let left = 1;
  for (const { version, share } of arms) {
    if (murmur3(`${model}\n${version}\n${key}`) < (share / left) * 2 ** 32) return version;
    left -= share;
  }
  // The last takes the rest; rounding may say otherwise.
  return arms.at(-1)?.version;
}

/** Arms in turns: the next is asked for, and told when its request runs. */
export interface Turns {
  next(): string | undefined;
  took(version: string): void;
}

/**
 * Turns spread evenly (smooth weighted round-robin): after any n requests two arms have theirs within one of n * share,
 * however small n is; what ran out of turn is made up for.
 */
export function createTurns(arms: readonly Arm[]): Turns {
  const credits = arms.map((arm) => ({ ...arm, credit: 0 }));
  return {
    next: () => {
      let best = credits[0];
      for (const arm of credits) {
        if (best && arm.credit + arm.share > best.credit + best.share) best = arm;
      }
      return best?.version;
    },
    took: (version) => {
      if (!credits.some((arm) => arm.version === version)) return;
      for (const arm of credits) {
        arm.credit += arm.share;
        if (arm.version === version) arm.credit -= 1;
      }
    },
  };
}
