import { createHash } from 'node:crypto';
import { CoveyError } from '@covey/protocol';
import type { Metadata, MetaFile, Role, Root, Targets, TopLevelRole, TufKey } from './documents.ts';
import { isSignedBy, keyIdentity } from './keys.ts';

/**
 * Section 4.3, 5.3.4 and the like: at least `threshold` different keys of the role have signed. A key counts once, under
 * whatever ids it is listed. Errors: TRUST_SIGNATURE.
 */
function verifySignatures(
  name: string,
  { keyids, threshold }: Role,
  keys: Record<string, TufKey>,
  { payload, signatures }: Pick<Metadata<unknown>, 'payload' | 'signatures'>,
): void {
  const signers = new Set<string>();
  for (const { keyid, sig } of signatures) {
    const key = Object.hasOwn(keys, keyid) && keyids.includes(keyid) ? keys[keyid] : undefined;
    if (key && isSignedBy(key, payload, sig)) signers.add(keyIdentity(key));
  }
  if (signers.size >= threshold) return;
  throw new CoveyError('TRUST_SIGNATURE', `${name} is signed by ${signers.size} of ${threshold} keys`);
}

/** For a file that the root names the keys of. Errors: TRUST_SIGNATURE. */
export function verifyTopLevel(role: TopLevelRole, root: Root, metadata: Metadata<unknown>): void {
  verifySignatures(role, root.roles[role], root.keys, metadata);
}

/** For a delegated role. Errors: TRUST_SIGNATURE, also when nobody delegates to `name`. */
export function verifyDelegated(name: string, delegator: Targets, metadata: Metadata<unknown>): void {
  const { delegations } = delegator;
  const role =
    delegations?.roles?.find((candidate) => candidate.name === name) ?? delegations?.succinct_roles;
  if (!delegations || !role) throw new CoveyError('TRUST_SIGNATURE', `nobody delegates to ${name}`);
  verifySignatures(name, role, delegations.keys, metadata);
}

/**
 * 5.3.3 to 5.3.5: a root is signed by the keys of the one before and by its own, and follows it.
 * Errors: TRUST_SIGNATURE, TRUST_ROLLBACK.
 */
export function verifyNextRoot(current: Root, next: Metadata<Root>): void {
  verifyTopLevel('root', current, next);
  verifyTopLevel('root', next.signed, next);
  if (next.signed.version !== current.version + 1)
    throw new CoveyError(
      'TRUST_ROLLBACK',
      `root has version ${next.signed.version}, ${current.version + 1} follows`,
    );
}

/** Errors: TRUST_EXPIRED. `now` in unix milliseconds. */
export function verifyFresh(name: string, { expires }: { expires: string }, now: number): void {
  if (now < Date.parse(expires)) return;
  throw new CoveyError(
    'TRUST_EXPIRED',
    `${name} expired at ${expires}, and the time here is ${new Date(now).toISOString()}`,
  );
}

/** 5.5.2, 5.6.2: length and hashes, where they are given. Errors: TRUST_INCONSISTENT. */
export function verifyContent(
  name: string,
  bytes: Uint8Array,
  { length, hashes }: Pick<MetaFile, 'length' | 'hashes'>,
): void {
  if (length !== undefined && bytes.byteLength !== length)
    throw inconsistent(`${name} has ${bytes.byteLength} bytes, not ${length}`);
  for (const [algorithm, expected] of Object.entries(hashes ?? {})) {
    if (algorithm !== 'sha256' && algorithm !== 'sha512')
      throw inconsistent(`${name}: no hash ${algorithm} here`);
    if (createHash(algorithm).update(bytes).digest('hex') !== expected.toLowerCase())
      throw inconsistent(`${name} has another ${algorithm}`);
  }
}

/** Errors: TRUST_INCONSISTENT unless the file has the version that another one says. */
export function verifyVersion(name: string, { version }: { version: number }, expected: number): void {
  if (version !== expected) throw inconsistent(`${name} has version ${version}, not ${expected}`);
}

export function inconsistent(message: string): CoveyError {
  return new CoveyError('TRUST_INCONSISTENT', message);
}
