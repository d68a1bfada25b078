import { CoveyError } from '@covey/protocol';
import {
  type DelegatedRole,
  type Metadata,
  maxBytes,
  parseMetadata,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from './documents.ts';
import { isListed, type MetadataStore, readStored } from './stored.ts';
import {
  inconsistent,
  verifyContent,
  verifyDelegated,
  verifyFresh,
  verifyNextRoot,
  verifyTopLevel,
  verifyVersion,
} from './verify.ts';
import { type FoundTarget, walkTargets } from './walk.ts';

/** Roots taken in one refresh at most (5.3: "some fixed number"). */
const maxRootRotations = 256;

export interface TufClientOptions {
  store: MetadataStore;
  /** A file of the repository; undefined when it has none. Reads no more than `maxBytes`. Errors: those of the network. */
  fetch(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** The root trusted from the start; what the store holds is a successor of it. */
  pinnedRoot?: Uint8Array | undefined;
  /** 5.1: unix milliseconds, the same for the whole refresh. */
  now: number;
}

/** What a refresh has found to be in force. */
export interface TrustedMetadata {
  root: Metadata<Root>;
  timestamp: Metadata<Timestamp>;
  snapshot: Metadata<Snapshot>;
  targets: Metadata<Targets>;
}

/**
 * The client workflow of the TUF specification 1.0.x, section 5, but for the download of the target itself (5.7). Nothing is
 * kept that is not verified. Errors: TRUST_SIGNATURE, TRUST_ROLLBACK, TRUST_INCONSISTENT, TRUST_EXPIRED, TRUST_MALFORMED;
 * those of `store` and `fetch`; DATA_CORRUPT when there is no root to begin with.
 */
export async function refreshMetadata(options: TufClientOptions): Promise<TrustedMetadata> {
  const root = await updateRoot(options, await trustedRoot(options));
  // 5.3.10. A root in between may have expired: the last one is what counts.
  verifyFresh('root', root.signed, options.now);
  const timestamp = await updateTimestamp(options, root.signed);
  const snapshot = await updateSnapshot(options, root.signed, timestamp.signed);
  const verify = (metadata: Metadata<Targets>) => verifyTopLevel('targets', root.signed, metadata);
  const targets = await updateTargets(options, { root, snapshot }, 'targets', verify);
  if (!targets) throw inconsistent('the snapshot lists no targets.json');
  return { root, timestamp, snapshot, targets };
}

/**
 * 5.6.7: who lists `path`, the most trusted role first; roles are fetched as they are asked. Errors: as refreshMetadata.
 */
export function findTarget(
  options: TufClientOptions,
  trusted: TrustedMetadata,
  path: string,
  applies: (role: DelegatedRole) => boolean = () => true,
): AsyncGenerator<FoundTarget, void, undefined> {
  return walkTargets(trusted.targets.signed, path, {
    load: (role, delegator) => readDelegated(options, trusted, role, delegator),
    applies,
  });
}

/** What a role has published that `delegator` trusts; undefined when nothing. Errors: as refreshMetadata. */
export async function readDelegated(
  options: TufClientOptions,
  trusted: TrustedMetadata,
  role: string,
  delegator: Targets = trusted.targets.signed,
): Promise<Targets | undefined> {
  const verify = (metadata: Metadata<Targets>) => verifyDelegated(role, delegator, metadata);
  return (await updateTargets(options, trusted, role, verify))?.signed;
}

/** The timestamp that is trusted now, without asking anybody. Errors: DATA_CORRUPT, those of `store`. */
export async function trustedTimestamp(
  options: Pick<TufClientOptions, 'store' | 'pinnedRoot'>,
): Promise<Timestamp | undefined> {
  const root = await trustedRoot(options);
  const verify = (metadata: Metadata<Timestamp>) => verifyTopLevel('timestamp', root.signed, metadata);
  return (await readStored(options.store, 'timestamp', 'timestamp', verify))?.signed;
}

/** 5.2. A stored root that is damaged is made again from the pinned one, root by root. */
async function trustedRoot({
  store,
  pinnedRoot,
}: Pick<TufClientOptions, 'store' | 'pinnedRoot'>): Promise<Metadata<Root>> {
  const verify = (root: Metadata<Root>) => verifyTopLevel('root', root.signed, root);
  const stored = await readStored(store, 'root', 'root', verify);
  if (stored) return stored;
  if (!pinnedRoot) throw new CoveyError('DATA_CORRUPT', 'there is no trusted root to begin with');
  const pinned = parseMetadata('root', pinnedRoot);
  verify(pinned);
  return pinned;
}

/** 5.3. */
async function updateRoot(
  { store, fetch }: TufClientOptions,
  trusted: Metadata<Root>,
): Promise<Metadata<Root>> {
  let current = trusted;
  for (let count = 0; count < maxRootRotations; count++) {
    // 5.3.2, 5.3.3: the next version, until there is none.
    const bytes = await fetch(`${current.signed.version + 1}.root.json`, maxBytes.root);
    if (!bytes) break;
    const next = parseMetadata('root', bytes);
    // 5.3.4, 5.3.5; 5.3.6 says that its expiry does not matter yet.
    verifyNextRoot(current.signed, next);
    // 5.3.11, against fast-forward attacks. Before the new root is kept: a crash in between then repeats both.
    if (onlineKeysDiffer(current.signed, next.signed)) {
      await store.remove('timestamp.json');
      await store.remove('snapshot.json');
    }
    // 5.3.8.
    await store.write('root.json', bytes);
    current = next;
  }
  return current;
}

function onlineKeysDiffer(before: Root, after: Root): boolean {
  const described = ({ roles, keys }: Root) =>
    JSON.stringify(
      [roles.timestamp, roles.snapshot].map(({ keyids }) =>
        keyids.map((id) => [id, keys[id]?.keyval.public]).sort(),
      ),
    );
  return described(before) !== described(after);
}

/** 5.4. */
async function updateTimestamp(
  { store, fetch, now }: TufClientOptions,
  root: Root,
): Promise<Metadata<Timestamp>> {
  const verify = (metadata: Metadata<Timestamp>) => verifyTopLevel('timestamp', root, metadata);
  const trusted = await readStored(store, 'timestamp', 'timestamp', verify);
  const bytes = await fetch('timestamp.json', maxBytes.timestamp);
  if (!bytes) throw inconsistent('there is no timestamp.json');
  const next = parseMetadata('timestamp', bytes);
  // 5.4.2.
  verify(next);
  // 5.4.3. The same version is the same file: what is trusted stays.
  const isSame = trusted?.signed.version === next.signed.version;
  if (trusted && !isSame) refuseTimestampRollback(trusted.signed, next.signed);
  const current = trusted && isSame ? trusted : next;
  // 5.4.4, against freezing.
  verifyFresh('timestamp', current.signed, now);
  // 5.4.5.
  if (current === next) await store.write('timestamp.json', bytes);
  return current;
}

function refuseTimestampRollback(trusted: Timestamp, next: Timestamp): void {
  if (next.version < trusted.version)
    throw new CoveyError(
      'TRUST_ROLLBACK',
      `timestamp has version ${next.version}, ${trusted.version} was seen before`,
    );
  const [before, after] = [trusted.meta['snapshot.json'].version, next.meta['snapshot.json'].version];
  if (after < before)
    throw new CoveyError('TRUST_ROLLBACK', `timestamp names snapshot ${after}, ${before} was seen before`);
}

/** 5.5. */
async function updateSnapshot(
  { store, fetch, now }: TufClientOptions,
  root: Root,
  timestamp: Timestamp,
): Promise<Metadata<Snapshot>> {
  const listed = timestamp.meta['snapshot.json'];
  const verify = (metadata: Metadata<Snapshot>) => verifyTopLevel('snapshot', root, metadata);
  const trusted = await readStored(store, 'snapshot', 'snapshot', verify);
  if (trusted && isListed(trusted, listed)) {
    verifyFresh('snapshot', trusted.signed, now);
    return trusted;
  }
  // 5.5.1.
  const name = versioned(root, listed.version, 'snapshot');
  const bytes = await fetch(name, listed.length ?? maxBytes.snapshot);
  if (!bytes) throw inconsistent(`there is no ${name}`);
  // 5.5.2.
  verifyContent(name, bytes, listed);
  const next = parseMetadata('snapshot', bytes);
  // 5.5.3.
  verify(next);
  // 5.5.4.
  verifyVersion(name, next.signed, listed.version);
  // 5.5.5.
  if (trusted) refuseSnapshotRollback(trusted.signed, next.signed);
  // 5.5.6, against freezing.
  verifyFresh('snapshot', next.signed, now);
  // 5.5.7.
  await store.write('snapshot.json', bytes);
  return next;
}

function refuseSnapshotRollback(trusted: Snapshot, next: Snapshot): void {
  for (const [name, before] of Object.entries(trusted.meta)) {
    const after = Object.hasOwn(next.meta, name) ? next.meta[name] : undefined;
    if (after && after.version >= before.version) continue;
    throw new CoveyError(
      'TRUST_ROLLBACK',
      `snapshot lists ${after ? `version ${after.version}` : 'no version'} of ${name}, ${before.version} was seen before`,
    );
  }
}

/** 5.6, for the top-level role and delegated ones. Undefined: nothing was published for the role yet. */
async function updateTargets(
  { store, fetch, now }: TufClientOptions,
  { root, snapshot }: Pick<TrustedMetadata, 'root' | 'snapshot'>,
  role: string,
  verify: (metadata: Metadata<Targets>) => void,
): Promise<Metadata<Targets> | undefined> {
  const { meta } = snapshot.signed;
  const listed = Object.hasOwn(meta, `${role}.json`) ? meta[`${role}.json`] : undefined;
  if (!listed) return undefined;
  // Of a name only what a file name may hold.
  const file = encodeURIComponent(role);
  const trusted = await readStored(store, 'targets', file, verify);
  if (trusted && isListed(trusted, listed)) {
    verifyFresh(role, trusted.signed, now);
    return trusted;
  }
  // 5.6.1.
  const name = versioned(root.signed, listed.version, file);
  const bytes = await fetch(name, listed.length ?? maxBytes.targets);
  if (!bytes) throw inconsistent(`there is no ${name}`);
  // 5.6.2.
  verifyContent(name, bytes, listed);
  const next = parseMetadata('targets', bytes);
  // 5.6.3.
  verify(next);
  // 5.6.4.
  verifyVersion(name, next.signed, listed.version);
  // 5.6.5, against freezing.
  verifyFresh(role, next.signed, now);
  // 5.6.6.
  await store.write(`${file}.json`, bytes);
  return next;
}

/** With consistent snapshots (section 6.2) a file's name begins with its version. */
function versioned({ consistent_snapshot }: Root, version: number, file: string): string {
  return consistent_snapshot ? `${version}.${file}.json` : `${file}.json`;
}
