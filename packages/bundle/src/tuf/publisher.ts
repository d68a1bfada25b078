import { CoveyError } from '@covey/protocol';
import { sha256 } from '../digest.ts';
import {
  type DelegatedRole,
  limitsField,
  type Root,
  type TargetFile,
  type Targets,
  type TufKey,
} from './documents.ts';
import { keyIdOf, type Signer } from './keys.ts';
import { isDelegatedPath } from './paths.ts';
import {
  holdersOf,
  nextTargets,
  rootOf,
  type SignedDocument,
  signDocument,
  targetPath,
  withDelegation,
  withTarget,
} from './publish.ts';
import type { Upload } from './repository.ts';

/** Keys at hand, and how many signatures their role asks for. */
export interface RoleSigners {
  signers: readonly Signer[];
  threshold: number;
}

/** A first root and first, empty targets. `online`: the controller's key, for snapshot and timestamp. */
export async function firstUpload(
  offline: { root: RoleSigners; targets: RoleSigners },
  online: TufKey,
  now: number,
): Promise<Upload> {
  const heldBy = ({ signers, threshold }: RoleSigners) => ({
    keys: signers.map(({ key }) => key),
    threshold,
  });
  const byController = { keys: [online], threshold: 1 };
  const holders = {
    root: heldBy(offline.root),
    targets: heldBy(offline.targets),
    snapshot: byController,
    timestamp: byController,
  };
  const root = { signed: rootOf(holders, now), signatures: [] };
  const targets = { signed: nextTargets(undefined, now), signatures: [] };
  return {
    roots: [await signDocument(root, offline.root.signers)],
    targets: { targets: await signDocument(targets, offline.targets.signers) },
  };
}

/** A version as its manifest describes it. */
export interface VersionTarget {
  model: string;
  version: string;
  manifestBytes: Uint8Array;
  securityCounter: number;
}

/** What is in force, as far as signing needs it. */
export interface InForce {
  root: Root;
  targets: Targets;
  /** The targets of a delegated role; undefined when it has published none. */
  roleTargets(role: string): Promise<Targets | undefined>;
}

/**
 * Lists a version in the role that may speak of its model and that the signers hold keys of: the full role where they can,
 * else a limited one. A model that no role is for yet gets one of its name, with the keys of the top-level targets, so that each
 * publication changes the file of its model alone. Errors: TRUST_SIGNATURE when the keys at hand may not sign for the model.
 */
export async function listVersion(
  inForce: InForce,
  { model, version, manifestBytes, securityCounter }: VersionTarget,
  signers: readonly Signer[],
  now: number,
): Promise<Upload['targets']> {
  const target = {
    length: manifestBytes.byteLength,
    hashes: { sha256: sha256(manifestBytes) },
    custom: { securityCounter },
  };
  return listTarget(inForce, { model, version, target }, signers, now);
}

/** The same for what another role lists already, such as one that is limited to canaries. */
export async function listTarget(
  inForce: InForce,
  { model, version, target }: Pick<VersionTarget, 'model' | 'version'> & { target: TargetFile },
  signers: readonly Signer[],
  now: number,
): Promise<Upload['targets']> {
  const path = targetPath(model, version);
  const held = signers.map(({ key }) => keyIdOf(key));
  const role = roleToSign(inForce.targets, path, held);
  const top = role ? undefined : delegateModel(inForce, model, held, now);
  const name = role?.name ?? model;
  const next = withTarget(nextTargets(await inForce.roleTargets(name), now), path, target);
  const sign = (signed: Targets): Promise<SignedDocument<Targets>> =>
    signDocument({ signed, signatures: [] }, signers);
  return { ...(top && { targets: await sign(top) }), [name]: await sign(next) };
}

/** The role among those delegated to at the top, full ones before limited ones. */
function roleToSign(targets: Targets, path: string, held: readonly string[]): DelegatedRole | undefined {
  const mine = (targets.delegations?.roles ?? []).filter(
    (role) => isDelegatedPath(role, path) && role.keyids.some((id) => held.includes(id)),
  );
  return mine.find((role) => role[limitsField] === undefined) ?? mine[0];
}

function delegateModel(
  { root, targets }: InForce,
  model: string,
  held: readonly string[],
  now: number,
): Targets {
  const holders = holdersOf(root, 'targets');
  if (!holders.keys.some((key) => held.includes(keyIdOf(key))))
    throw new CoveyError(
      'TRUST_SIGNATURE',
      `the key at hand may not sign for ${model}: no role of its own names it`,
    );
  const isTaken = targets.delegations?.roles?.some(({ name }) => name === model);
  if (isTaken)
    throw new CoveyError(
      'TRUST_SIGNATURE',
      `versions of ${model} are signed with other keys than the one at hand`,
    );
  return withDelegation(nextTargets(targets, now), {
    ...holders,
    name: model,
    paths: [targetPath(model, '*')],
  });
}
