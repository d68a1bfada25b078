import { CoveyError, canonicalJson } from '@covey/protocol';
import { canonicalBytes } from './canonical.ts';
import {
  limitsField,
  type Metadata,
  parseMetadata,
  type RoleLimits,
  type Root,
  type Signature,
  type Snapshot,
  type TargetFile,
  type Targets,
  type Timestamp,
  type TopLevelRole,
  type TufKey,
} from './documents.ts';
import { keyIdOf, type Signer } from './keys.ts';

const specVersion = '1.0.31';
const dayMs = 86_400_000;

/** How long what is signed stays good. Root and targets are signed by people, the rest by the controller as it goes. */
const validityMs = {
  root: 365 * dayMs,
  targets: 365 * dayMs,
  snapshot: 30 * dayMs,
  timestamp: 7 * dayMs,
} as const satisfies Record<TopLevelRole, number>;

/** A metadata file as JSON. */
export interface SignedDocument<Signed = unknown> {
  signed: Signed;
  signatures: Signature[];
}

/** Who may sign for a role. */
export interface KeyHolders {
  keys: readonly TufKey[];
  threshold: number;
}

function header<K extends TopLevelRole>(kind: K, version: number, now: number) {
  // Seconds: the specification knows no parts of them.
  const expires = `${new Date(now + validityMs[kind]).toISOString().slice(0, 19)}Z`;
  return { _type: kind, spec_version: specVersion, version, expires };
}

/** A first root (version 1), or one that follows `before`, with these holders. */
export function rootOf(holders: Record<TopLevelRole, KeyHolders>, now: number, before?: Root): Root {
  const keys: Record<string, TufKey> = {};
  const roleOf = (role: TopLevelRole) => {
    const keyids = holders[role].keys.map((key) => {
      const id = keyIdOf(key);
      keys[id] = key;
      return id;
    });
    return { keyids: [...new Set(keyids)], threshold: holders[role].threshold };
  };
  const roles = {
    root: roleOf('root'),
    targets: roleOf('targets'),
    snapshot: roleOf('snapshot'),
    timestamp: roleOf('timestamp'),
  };
  return { ...header('root', (before?.version ?? 0) + 1, now), consistent_snapshot: true, keys, roles };
}

/** Who may sign for the role today. */
export function holdersOf({ roles, keys }: Root, role: TopLevelRole): KeyHolders {
  return { keys: roles[role].keyids.flatMap((id) => keys[id] ?? []), threshold: roles[role].threshold };
}

/** Targets that follow `before`, or the first ones, without any. */
export function nextTargets(before: Targets | undefined, now: number): Targets {
  return { targets: {}, ...before, ...header('targets', (before?.version ?? 0) + 1, now) };
}

export function withTarget(targets: Targets, path: string, target: TargetFile): Targets {
  return { ...targets, targets: { ...targets.targets, [path]: target } };
}

/** The name under which a version of a model is a target. */
export function targetPath(model: string, version: string): string {
  return `${model}/${version}`;
}

export interface NewDelegation extends KeyHolders {
  name: string;
  paths: string[];
  limits?: RoleLimits | undefined;
}

/** Delegates, or changes the delegation of that name. One with limits comes last, so that full roles are asked first. */
export function withDelegation(
  targets: Targets,
  { name, keys, threshold, paths, limits }: NewDelegation,
): Targets {
  const { delegations } = targets;
  const ids = keys.map(keyIdOf);
  const role = {
    name,
    keyids: [...new Set(ids)],
    threshold,
    terminating: false,
    paths,
    ...(limits && { [limitsField]: limits }),
  };
  const roles = delegations?.roles ?? [];
  const at = roles.findIndex((other) => other.name === name);
  const others = roles.filter((other) => other.name !== name);
  const firstLimited = others.findIndex((other) => other[limitsField] !== undefined);
  const place = limits || firstLimited < 0 ? others.length : firstLimited;
  const next = others.toSpliced(at >= 0 && !limits ? Math.min(at, place) : place, 0, role);
  return withRoles(targets, next, Object.fromEntries(keys.map((key) => [keyIdOf(key), key])));
}

/** Errors: NOT_FOUND. */
export function withoutDelegation(targets: Targets, name: string): Targets {
  const roles = targets.delegations?.roles ?? [];
  if (!roles.some((role) => role.name === name))
    throw new CoveyError('NOT_FOUND', `nothing is delegated to ${name}`);
  return withRoles(
    targets,
    roles.filter((role) => role.name !== name),
    {},
  );
}

/** With keys that no role names any more left out. */
function withRoles(
  targets: Targets,
  roles: NonNullable<NonNullable<Targets['delegations']>['roles']>,
  newKeys: Record<string, TufKey>,
): Targets {
  const used = new Set(roles.flatMap(({ keyids }) => keyids));
  const known = Object.entries({ ...targets.delegations?.keys, ...newKeys });
  return {
    ...targets,
    delegations: { keys: Object.fromEntries(known.filter(([id]) => used.has(id))), roles },
  };
}

/** Adds a signature of each signer; those that are there stay. `ids`: by which names the role knows its keys. */
export async function signDocument<Signed>(
  { signed, signatures }: SignedDocument<Signed>,
  signers: readonly Signer[],
): Promise<SignedDocument<Signed>> {
  const payload = canonicalBytes(signed);
  const made = new Map(signatures.map((signature) => [signature.keyid, signature]));
  for (const signer of signers) {
    const keyid = keyIdOf(signer.key);
    made.set(keyid, { keyid, sig: Buffer.from(await signer.sign(payload)).toString('hex') });
  }
  return { signed, signatures: [...made.values()].sort((a, b) => (a.keyid < b.keyid ? -1 : 1)) };
}

/** The file of a document, as it is stored and served. */
export function encodeDocument(document: SignedDocument): Uint8Array {
  return new TextEncoder().encode(canonicalJson(document));
}

/** What the controller signs by itself: which versions of what others have signed are in force. */
export interface OnlineMetadata {
  snapshot: Metadata<Snapshot>;
  timestamp: Metadata<Timestamp>;
}

/** When it was signed, in milliseconds: a device without a clock knows from it how late it is at least. */
export const signedAtField = 'x-covey-signed-at';

/**
 * Snapshot and timestamp that follow `before`. `versions`: of each targets file, by role. What a snapshot has listed stays
 * listed (5.5.5), so roles are never left out. The snapshot stays when nothing in it changes and it is good for long enough,
 * unless `isNewRoot`: then its keys may have changed.
 */
export async function signOnline(
  versions: ReadonlyMap<string, number>,
  before: OnlineMetadata | undefined,
  signer: Signer,
  now: number,
  isNewRoot = false,
): Promise<OnlineMetadata> {
  const meta = Object.fromEntries([...versions].map(([role, version]) => [`${role}.json`, { version }]));
  const last = before?.snapshot;
  const isUnchanged = last && canonicalJson(last.signed.meta) === canonicalJson(meta);
  const snapshot =
    isUnchanged && !isNewRoot && !isDueToSign(last.signed, 'snapshot', now)
      ? last
      : await signed(
          'snapshot',
          { ...header('snapshot', (last?.signed.version ?? 0) + 1, now), meta },
          signer,
        );
  const listed = { version: snapshot.signed.version, length: snapshot.bytes.byteLength };
  const timestamp = await signed(
    'timestamp',
    {
      ...header('timestamp', (before?.timestamp.signed.version ?? 0) + 1, now),
      meta: { 'snapshot.json': listed },
      [signedAtField]: now,
    },
    signer,
  );
  return { snapshot, timestamp };
}

/** Half of its time is over. */
export function isDueToSign({ expires }: { expires: string }, kind: TopLevelRole, now: number): boolean {
  return Date.parse(expires) - now < validityMs[kind] / 2;
}

async function signed<K extends TopLevelRole>(kind: K, content: unknown, signer: Signer) {
  return parseMetadata(
    kind,
    encodeDocument(await signDocument({ signed: content, signatures: [] }, [signer])),
  );
}
