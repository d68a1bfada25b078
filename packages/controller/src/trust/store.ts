import {
  type Metadata,
  type Publication,
  parseMetadata,
  type Repository,
  type Targets,
} from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import type { Db, Tx } from '../storage/index.ts';

/** Of a role other than root, so many of the newest versions are kept: a device in the middle of a refresh finds what it began with. */
const keptVersions = 10;

/** Newest file of each role, or undefined before the first root. Errors: DATA_CORRUPT. */
export async function readRepository(db: Db): Promise<Repository | undefined> {
  const newest = db
    .selectFrom('trust_files')
    .select((eb) => ['role', eb.fn.max('version').as('version')])
    .groupBy('role')
    .as('newest');
  const rows = await db
    .selectFrom('trust_files')
    .innerJoin(newest, (join) =>
      join.onRef('newest.role', '=', 'trust_files.role').onRef('newest.version', '=', 'trust_files.version'),
    )
    .select(['trust_files.role', 'trust_files.bytes'])
    .execute();
  const files = new Map(rows.map(({ role, bytes }) => [role, new Uint8Array(bytes)]));
  const root = files.get('root');
  const snapshot = files.get('snapshot');
  const timestamp = files.get('timestamp');
  if (!root) return undefined;
  if (!snapshot || !timestamp) throw new CoveyError('DATA_CORRUPT', 'the trust metadata is incomplete');
  const targets = new Map<string, Metadata<Targets>>();
  for (const [role, bytes] of files)
    if (!['root', 'snapshot', 'timestamp'].includes(role)) targets.set(role, parseMetadata('targets', bytes));
  return {
    root: parseMetadata('root', root),
    targets,
    online: {
      snapshot: parseMetadata('snapshot', snapshot),
      timestamp: parseMetadata('timestamp', timestamp),
    },
  };
}

/** Version of the newest timestamp: it changes whenever anything does. */
export async function newestTimestamp(db: Db): Promise<number | undefined> {
  const row = await db
    .selectFrom('trust_files')
    .select((eb) => eb.fn.max('version').as('version'))
    .where('role', '=', 'timestamp')
    .executeTakeFirst();
  return row?.version ?? undefined;
}

/** Inserts, so that of two who publish the same version one fails. Errors: TRUST_CONFLICT. */
export async function storeFiles(tx: Tx, files: Publication['files']): Promise<void> {
  for (const { role, version, bytes } of files) {
    const known = await readFile(tx, role, version);
    if (known)
      throw new CoveyError('TRUST_CONFLICT', `version ${version} of ${role} was published meanwhile`);
    await tx.insertInto('trust_files').values({ role, version, bytes }).execute();
    if (role !== 'root')
      await tx
        .deleteFrom('trust_files')
        .where('role', '=', role)
        .where('version', '<=', version - keptVersions)
        .execute();
  }
}

/** Without a version the newest. */
export async function readFile(db: Db, role: string, version?: number): Promise<Uint8Array | undefined> {
  const row = await db
    .selectFrom('trust_files')
    .select('bytes')
    .where('role', '=', role)
    .$if(version !== undefined, (query) => query.where('version', '=', version ?? 0))
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && new Uint8Array(row.bytes);
}

/** All roots, the newest first. */
export async function readRoots(db: Db): Promise<Uint8Array[]> {
  const rows = await db
    .selectFrom('trust_files')
    .select('bytes')
    .where('role', '=', 'root')
    .orderBy('version', 'desc')
    .execute();
  return rows.map(({ bytes }) => new Uint8Array(bytes));
}
