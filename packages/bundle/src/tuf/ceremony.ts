import { CoveyError } from '@covey/protocol';
import { canonicalBytes } from './canonical.ts';
import {
  type DelegatedRole,
  limitsField,
  type Root,
  type Targets,
  type TopLevelRole,
  type TufKey,
} from './documents.ts';
import { isSignedBy, keyIdOf, type Signer } from './keys.ts';
import { holdersOf, type KeyHolders, nextTargets, rootOf, signDocument, withDelegation } from './publish.ts';
import type { Upload } from './repository.ts';

/** Roles that are the publisher's: the others are signed by the controller. */
export type OfflineRole = 'root' | 'targets';

/** Keys to come and go, and how many signatures are asked for then; what is left out stays. */
export interface KeyChange {
  add?: readonly TufKey[];
  remove?: readonly string[];
  threshold?: number | undefined;
}

/** The root that follows, with other keys for a role; `online` for snapshot and timestamp at once. */
export function changedRoot(root: Root, role: OfflineRole | 'online', change: KeyChange, now: number): Root {
  const holders = (name: TopLevelRole) => {
    const isMeant = name === role || (role === 'online' && (name === 'snapshot' || name === 'timestamp'));
    return isMeant ? changedHolders(name, holdersOf(root, name), change) : holdersOf(root, name);
  };
  const all = {
    root: holders('root'),
    targets: holders('targets'),
    snapshot: holders('snapshot'),
    timestamp: holders('timestamp'),
  };
  return rootOf(all, now, root);
}

/** Targets that follow, with other keys for a role that is delegated to. Errors: NOT_FOUND, INVALID_ARGUMENT. */
export function changedDelegation(targets: Targets, name: string, change: KeyChange, now: number): Targets {
  const role = roleNamed(targets, name);
  const { paths = [], [limitsField]: limits } = role;
  const holders = changedHolders(name, delegatedHolders(targets, role), change);
  return withDelegation(nextTargets(targets, now), { ...holders, name, paths, limits });
}

/**
 * One key in place of another wherever the targets name it: delegations to models are made with the keys of the top-level
 * targets, so that they have to go along. The names are those of the roles that must be signed again.
 */
export function withKeyReplaced(
  targets: Targets,
  from: string,
  to: TufKey,
  now: number,
): { targets: Targets; roles: string[] } {
  const affected = (targets.delegations?.roles ?? []).filter(({ keyids }) => keyids.includes(from));
  const changed = affected.reduce(
    (current, role) => ({
      ...changedDelegation(current, role.name, { add: [to], remove: [from] }, now),
      version: current.version,
    }),
    nextTargets(targets, now),
  );
  return { targets: changed, roles: affected.map(({ name }) => name) };
}

function changedHolders(role: string, { keys, threshold }: KeyHolders, change: KeyChange): KeyHolders {
  const gone = change.remove ?? [];
  for (const id of gone)
    if (!keys.some((key) => keyIdOf(key) === id))
      throw new CoveyError('NOT_FOUND', `${role} has no key ${id}`);
  const added = (change.add ?? []).filter((key) => !keys.some((known) => keyIdOf(known) === keyIdOf(key)));
  const next = [...keys.filter((key) => !gone.includes(keyIdOf(key))), ...added];
  const wanted = change.threshold ?? threshold;
  if (wanted < 1 || wanted > next.length)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${role} would ask for ${wanted} signatures of ${next.length} keys`,
    );
  return { keys: next, threshold: wanted };
}

function roleNamed(targets: Targets, name: string): DelegatedRole {
  const role = targets.delegations?.roles?.find((candidate) => candidate.name === name);
  if (!role) throw new CoveyError('NOT_FOUND', `nothing is delegated to ${name}`);
  return role;
}

function delegatedHolders({ delegations }: Targets, { keyids, threshold }: DelegatedRole): KeyHolders {
  return { keys: keyids.flatMap((id) => delegations?.keys[id] ?? []), threshold };
}

/** Adds the signatures of these keys to every file of an upload that may want them: who else must sign signs the result. */
export async function signUpload({ roots, targets }: Upload, signers: readonly Signer[]): Promise<Upload> {
  const signed = await Promise.all(
    Object.entries(targets).map(
      async ([role, document]) => [role, await signDocument(document, signers)] as const,
    ),
  );
  return {
    roots: await Promise.all(roots.map((document) => signDocument(document, signers))),
    targets: Object.fromEntries(signed),
  };
}

/** All keys that a root and targets name: among them is whoever may sign. */
export function keysNamed(root: Root, targets: readonly Targets[]): TufKey[] {
  return [root.keys, ...targets.map(({ delegations }) => delegations?.keys ?? {})].flatMap(Object.values);
}

/**
 * A signer whose private key is elsewhere and does not say which it is: a signature on trial shows which of the
 * `candidates` it belongs to. Errors: KEY_UNUSABLE when to none.
 */
export async function signerAmong(sign: Signer['sign'], candidates: readonly TufKey[]): Promise<Signer> {
  const trial = canonicalBytes({ _type: 'covey-key-trial' });
  const signature = Buffer.from(await sign(trial)).toString('hex');
  const key = candidates.find((candidate) => isSignedBy(candidate, trial, signature));
  if (!key) throw new CoveyError('KEY_UNUSABLE', 'what the command signs is by no key that is named here');
  return { key, sign };
}
