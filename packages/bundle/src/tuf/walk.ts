import {
  type DelegatedRole,
  limitsField,
  type RoleLimits,
  type TargetFile,
  type Targets,
} from './documents.ts';
import { delegationsFor } from './paths.ts';

/** Roles asked for one target at most: a hostile tree of delegations has an end. */
const maxRoles = 32;

/** A target as a role signed it. `limits`: those of all delegations on the way to the role; all must hold. */
export interface FoundTarget {
  role: string;
  target: TargetFile;
  limits: RoleLimits[];
}

export interface WalkOptions {
  /** The verified metadata of a role; undefined when nothing was published for it yet: a role without targets. */
  load(role: string, delegator: Targets): Promise<Targets | undefined>;
  /** What does not apply is passed over as if nobody had delegated to it. */
  applies(role: DelegatedRole): boolean;
}

interface Visit {
  role: string;
  delegator: Targets | undefined;
  limits: RoleLimits[];
}

/** 5.6.7: roles are asked in preorder, depth first; every one that lists `path` is given, the most trusted first. */
export async function* walkTargets(
  top: Targets,
  path: string,
  { load, applies }: WalkOptions,
): AsyncGenerator<FoundTarget, void, undefined> {
  const stack: Visit[] = [{ role: 'targets', delegator: undefined, limits: [] }];
  const visited = new Set<string>();
  for (let visit = stack.pop(); visit && visited.size < maxRoles; visit = stack.pop()) {
    const { role, delegator, limits } = visit;
    // 5.6.7.1: a role that was visited is not visited again, which ends cycles.
    if (visited.has(role)) continue;
    visited.add(role);
    const targets = delegator ? await load(role, delegator) : top;
    const target = targets && Object.hasOwn(targets.targets, path) ? targets.targets[path] : undefined;
    if (target) yield { role, target, limits };
    if (!targets) continue;
    const next = delegationsFor(targets, path).filter(applies);
    // 5.6.7.2.1: what a terminating role does not know, nobody after it is asked for.
    const end = next.findIndex(({ terminating }) => terminating);
    if (end >= 0) stack.length = 0;
    for (const child of (end < 0 ? next : next.slice(0, end + 1)).reverse()) {
      const own = child[limitsField];
      stack.push({ role: child.name, delegator: targets, limits: own ? [...limits, own] : limits });
    }
  }
}

/** Whether a device with these tags may install what is so limited. */
export function allows(limits: readonly RoleLimits[], tags: Readonly<Record<string, string>>): boolean {
  return limits.every((limit) =>
    Object.entries(limit.tags).every(([name, value]) => Object.hasOwn(tags, name) && tags[name] === value),
  );
}
