import { CoveyError } from '@covey/protocol';
import { type Metadata, parseMetadata, type Root, type TargetFile, type Targets } from './documents.ts';
import { keyIdentity, type Signer } from './keys.ts';
import {
  encodeDocument,
  holdersOf,
  type OnlineMetadata,
  type SignedDocument,
  signOnline,
} from './publish.ts';
import { verifyDelegated, verifyFresh, verifyNextRoot, verifyTopLevel } from './verify.ts';
import { type FoundTarget, walkTargets } from './walk.ts';

/** Everything in force: what publishers have signed, and the snapshot and timestamp over it. */
export interface Repository {
  root: Metadata<Root>;
  /** `targets` and delegated roles, by name; roles that nobody delegates to any more stay, as snapshots list them on. */
  targets: ReadonlyMap<string, Metadata<Targets>>;
  online: OnlineMetadata;
}

/** What publishers have signed since: roots one after another, and targets files by role. */
export interface Upload {
  roots: readonly SignedDocument[];
  targets: Readonly<Record<string, SignedDocument>>;
}

/** What is new, to be stored as one: `files` by role and version. */
export interface Publication {
  repository: Repository;
  files: { role: string; version: number; bytes: Uint8Array }[];
}

/**
 * Accepts an upload if every client that trusts `before` will: roots chained, all roles signed by the keys now in force, each
 * one version up, nothing expired; then signs a snapshot and a timestamp over it. Pure but for the signer.
 * Errors: TRUST_SIGNATURE, TRUST_ROLLBACK, TRUST_EXPIRED, TRUST_MALFORMED; TRUST_CONFLICT when somebody else has published
 * the version meanwhile; INVALID_DOCUMENT for what would lock this controller out.
 */
export async function publishUpload(
  before: Repository | undefined,
  upload: Upload,
  signer: Signer,
  now: number,
): Promise<Publication> {
  const roots = upload.roots.map((document) => parseMetadata('root', encodeDocument(document)));
  const root = acceptRoots(before?.root, roots);
  if (!root) throw new CoveyError('CONFLICT', 'there is no root yet: begin with `covey trust create`');
  verifyFresh('root', root.signed, now);
  requireOnlineKey(root.signed, signer);
  const changed = Object.entries(upload.targets).map(
    ([role, document]) => [role, parseMetadata('targets', encodeDocument(document))] as const,
  );
  for (const [role, metadata] of changed) {
    requireNext(role, metadata.signed.version, before?.targets.get(role)?.signed.version ?? 0);
    verifyFresh(role, metadata.signed, now);
  }
  const targets = new Map([...(before?.targets ?? []), ...changed]);
  requireAllSigned(root.signed, targets, Object.keys(upload.targets));
  const online = await signOnline(versionsOf(targets), before?.online, signer, now, roots.length > 0);
  const files = [
    ...roots.map((metadata) => fileOf('root', metadata)),
    ...changed.map(([role, metadata]) => fileOf(role, metadata)),
    ...newOnline(before?.online, online),
  ];
  return { repository: { root, targets, online }, files };
}

/** Signs a new timestamp, and a new snapshot where that is due. */
export async function renewOnline(before: Repository, signer: Signer, now: number): Promise<Publication> {
  const online = await signOnline(versionsOf(before.targets), before.online, signer, now);
  return { repository: { ...before, online }, files: newOnline(before.online, online) };
}

/** The roles that list a target, for the repository's own side: all of them, with the limits of each. */
export async function rolesListing(
  { targets }: Pick<Repository, 'targets'>,
  path: string,
): Promise<FoundTarget[]> {
  const top = targets.get('targets');
  if (!top) return [];
  const load = async (role: string) => targets.get(role)?.signed;
  return Array.fromAsync(walkTargets(top.signed, path, { load, applies: () => true }));
}

/** Whether the role that lists it means the bytes with this SHA-256. */
export function isTargetOf({ hashes }: TargetFile, sha256: string): boolean {
  return hashes.sha256 === sha256;
}

function acceptRoots(
  current: Metadata<Root> | undefined,
  next: readonly Metadata<Root>[],
): Metadata<Root> | undefined {
  return next.reduce<Metadata<Root> | undefined>((before, root) => {
    if (before) {
      requireNext('root', root.signed.version, before.signed.version);
      verifyNextRoot(before.signed, root);
    } else {
      requireNext('root', root.signed.version, 0);
      verifyTopLevel('root', root.signed, root);
    }
    return root;
  }, current);
}

function requireNext(role: string, version: number, current: number): void {
  if (version === current + 1) return;
  throw new CoveyError('TRUST_CONFLICT', `${role} is at version ${current}: ${version} does not follow it`);
}

/** Whether the root lets this key sign snapshot and timestamp alone. */
export function mayKeySign(root: Root, { key }: Signer): boolean {
  return (['snapshot', 'timestamp'] as const).every((role) => {
    const { keys, threshold } = holdersOf(root, role);
    return threshold === 1 && keys.some((candidate) => keyIdentity(candidate) === keyIdentity(key));
  });
}

/** Else nothing could be signed for what is published, and every device would be stuck. */
function requireOnlineKey(root: Root, signer: Signer): void {
  if (!mayKeySign(root, signer))
    throw new CoveyError(
      'INVALID_DOCUMENT',
      "root: the controller's online key cannot sign snapshot and timestamp alone",
    );
  if (root.consistent_snapshot !== true)
    throw new CoveyError('INVALID_DOCUMENT', 'root: consistent_snapshot must be true');
}

/**
 * Every role that is delegated to and published is signed as its delegation says, from the top down; what neither it nor its
 * delegator changed was found so before.
 */
function requireAllSigned(
  root: Root,
  targets: ReadonlyMap<string, Metadata<Targets>>,
  changed: readonly string[],
): void {
  const top = targets.get('targets');
  if (!top) throw new CoveyError('INVALID_DOCUMENT', 'there are no top-level targets');
  verifyTopLevel('targets', root, top);
  const visited = new Set<string>();
  const waiting = [{ from: 'targets', delegator: top.signed }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { from, delegator } = next;
    for (const { name } of delegator.delegations?.roles ?? []) {
      const metadata = targets.get(name);
      if (!metadata) continue;
      if (changed.includes(name) || changed.includes(from)) verifyDelegated(name, delegator, metadata);
      if (!visited.has(name)) waiting.push({ from: name, delegator: metadata.signed });
      visited.add(name);
    }
  }
  const stray = changed.find((name) => name !== 'targets' && !visited.has(name));
  if (stray !== undefined) throw new CoveyError('TRUST_SIGNATURE', `nobody delegates to ${stray}`);
}

function versionsOf(targets: ReadonlyMap<string, Metadata<Targets>>): Map<string, number> {
  return new Map([...targets].map(([role, { signed }]) => [role, signed.version]));
}

function newOnline(before: OnlineMetadata | undefined, online: OnlineMetadata): Publication['files'] {
  const isNew = (role: 'snapshot' | 'timestamp') => before?.[role] !== online[role];
  return (['snapshot', 'timestamp'] as const).filter(isNew).map((role) => fileOf(role, online[role]));
}

function fileOf(
  role: string,
  { signed, bytes }: Metadata<{ version: number }>,
): Publication['files'][number] {
  return { role, version: signed.version, bytes };
}
