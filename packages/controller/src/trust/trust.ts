import { sha256 } from '@covey/bundle';
import {
  allows,
  encodeDocument,
  isDueToSign,
  isTargetOf,
  mayKeySign,
  type Publication,
  publishUpload,
  type Repository,
  renewOnline,
  rolesListing,
  type Signer,
  targetPath,
  type Upload,
} from '@covey/bundle/tuf';
import type { Clock } from '@covey/ports';
import { CoveyError, type Tags } from '@covey/protocol';
import type { TrustView } from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import type { Db, Storage, Tx } from '../storage/index.ts';
import { newestTimestamp, readFile, readRepository, readRoots, storeFiles } from './store.ts';
import { viewOf } from './view.ts';

/** What publishers have signed, for devices to verify; the controller adds snapshot and timestamp, and cannot add more. */
export interface Trust {
  /** A file by the name that devices ask for: `timestamp.json`, `3.root.json`, `7.bearing.json`. */
  file(name: string): Promise<Uint8Array | undefined>;
  /** The newest file of a role. */
  newest(role: string): Promise<Uint8Array | undefined>;
  view(): Promise<TrustView>;
  /** The newest root, or the one with this digest. Errors: CONFLICT while there is none, NOT_FOUND. */
  root(digest?: string): Promise<Uint8Array>;
  /**
   * Checks an upload as devices will, and makes it what is in force in one transaction with what `commit` writes; `check` sees it
   * before. What is in force already is passed over, so that a repeated upload succeeds. Errors: those of publishUpload.
   */
  publish<T>(upload: Upload, options: PublishOptions<T>): Promise<T>;
  /**
   * For which devices, by their tags, a version was signed: devices refuse it otherwise (and hold to the tags that they were
   * enrolled with). Errors: NOT_FOUND, TRUST_UNKNOWN when no role lists it any more.
   */
  signedFor(model: string, version: string): Promise<(tags: Tags) => boolean>;
  /** Signs timestamp and snapshot again when half of their time is over. */
  renew(): Promise<void>;
}

export interface PublishOptions<T> {
  actor: string;
  check?: (repository: Repository) => Promise<void>;
  commit: (tx: Tx) => Promise<T>;
}

export interface TrustOptions {
  storage: Storage;
  clock: Clock;
  /** The online key. */
  signer: Signer;
}

export function createTrust({ storage, clock, signer }: TrustOptions): Trust {
  const { db } = storage;
  let cached: Repository | undefined;
  const repository = async () => {
    const newest = await newestTimestamp(db);
    if (cached?.online.timestamp.signed.version !== newest) cached = await readRepository(db);
    return cached;
  };
  const exclusive = createTurnstile();
  const store = async <T>({ repository: next, files }: Publication, commit: (tx: Tx) => Promise<T>) => {
    const result = await storage.transaction(async (tx) => {
      await storeFiles(tx, files);
      return commit(tx);
    });
    cached = next;
    return result;
  };
  return {
    file: async (name) => {
      if (name === 'timestamp.json') return readFile(db, 'timestamp');
      const [, version, role] = /^([1-9]\d{0,14})\.(.{1,255})\.json$/.exec(name) ?? [];
      return role === undefined ? undefined : readFile(db, role, Number(version));
    },
    newest: (role) => readFile(db, role),
    view: async () => viewOf(await repository(), signer.key),
    root: (digest) => findRoot(db, digest),
    publish: (upload, { actor, check, commit }) =>
      exclusive(async () => {
        const before = await repository();
        const fresh = withoutKnown(upload, before);
        const isEmpty = fresh.roots.length === 0 && Object.keys(fresh.targets).length === 0;
        const publication =
          isEmpty && before
            ? { repository: before, files: [] }
            : await publishUpload(before, fresh, signer, clock.now());
        await check?.(publication.repository);
        return store(publication, async (tx) => {
          if (!isEmpty) await auditUpload(tx, fresh, actor, clock.now());
          return commit(tx);
        });
      }),
    signedFor: async (model, version) => signedFor(db, await repository(), model, version),
    renew: () =>
      exclusive(async () => {
        const current = await repository();
        const now = clock.now();
        if (!current) return;
        // Said long before it is due: by then nothing can be published, and devices notice that nothing new is signed.
        if (!mayKeySign(current.root.signed, signer))
          throw new CoveyError(
            'TRUST_SIGNATURE',
            'the root names another online key than the one in online-key.pem: put that one back, or sign a root with this one (`covey key rotate online`)',
          );
        if (!isDue(current, now)) return;
        await store(await renewOnline(current, signer, now), async () => {});
      }),
  };
}

async function findRoot(db: Db, digest: string | undefined): Promise<Uint8Array> {
  const roots = await readRoots(db);
  if (roots.length === 0) throw noRoot();
  const root = digest === undefined ? roots[0] : roots.find((bytes) => sha256(bytes) === digest);
  if (!root) throw new CoveyError('NOT_FOUND', `there is no root with the digest ${digest}`);
  return root;
}

async function signedFor(
  db: Db,
  current: Repository | undefined,
  model: string,
  version: string,
): Promise<(tags: Tags) => boolean> {
  const row = await db
    .selectFrom('versions')
    .select('digest')
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!row) throw new CoveyError('NOT_FOUND', `there is no version ${version} of model ${model}`);
  const listed = current ? await rolesListing(current, targetPath(model, version)) : [];
  const signed = listed.filter(({ target }) => isTargetOf(target, row.digest));
  if (signed.length === 0)
    throw new CoveyError('TRUST_UNKNOWN', `no role lists ${model} ${version} as it was published`);
  return (tags) => signed.some(({ limits }) => allows(limits, tags));
}

function isDue({ online }: Repository, now: number): boolean {
  return (['timestamp', 'snapshot'] as const).some((kind) => isDueToSign(online[kind].signed, kind, now));
}

function noRoot(): CoveyError {
  return new CoveyError(
    'CONFLICT',
    'the controller has no root of trust yet: make one with `covey trust create`',
  );
}

/** One at a time, in the order they came. */
function createTurnstile() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.then(run, run);
    last = next.catch(() => {});
    return next;
  };
}

function withoutKnown(upload: Upload, before: Repository | undefined): Upload {
  if (!before) return upload;
  const isNew = ([role, document]: [string, Upload['targets'][string]]) =>
    !isSame(document, before.targets.get(role)?.bytes);
  return {
    roots: upload.roots.filter((document) => !isSame(document, before.root.bytes)),
    targets: Object.fromEntries(Object.entries(upload.targets).filter(isNew)),
  };
}

function isSame(document: Upload['roots'][number], bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && Buffer.compare(encodeDocument(document), bytes) === 0;
}

function auditUpload(tx: Tx, { roots, targets }: Upload, actor: string, at: number): Promise<void> {
  const detail = { roots: roots.length, roles: Object.keys(targets) };
  return writeAudit(tx, { at, actor, action: 'trust.publish', subject: 'trust', detail });
}
