import { parseReference, verifyEnvelope } from '@covey/bundle';
import type { Clock } from '@covey/ports';
import { CoveyError, type Manifest, type Summary, type TrustRoot } from '@covey/protocol';
import type { ModelView, VersionDetail, VersionView } from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import type { Storage, Tx } from '../storage/index.ts';
import { missingChunks, readFile, verifyContents } from './verify.ts';
import {
  manifestOf,
  modelView,
  type VersionRow,
  versionColumns,
  versionDetail,
  versionView,
} from './views.ts';

export interface Registry {
  /** Those of `digests` that have to be uploaded. */
  missingChunks(digests: readonly string[]): Promise<string[]>;
  /** Errors: BUNDLE_CORRUPT when the bytes have another digest, DISK_FULL. */
  putChunk(sha256: string, bytes: Uint8Array): Promise<void>;
  /**
   * Makes a signed version available; its chunks have been uploaded. The same again is fine. Errors: CONFLICT (no trust
   * root, or the version exists with other contents), BUNDLE_SIGNATURE, those of verifyContents, INVALID_DOCUMENT.
   */
  publish(model: string, envelope: Uint8Array, actor: string): Promise<VersionView>;
  models(): Promise<ModelView[]>;
  /** Errors: NOT_FOUND. */
  model(name: string): Promise<ModelView>;
  /** `name` is a version, its number, or a channel. Errors: NOT_FOUND. */
  version(model: string, name: string): Promise<VersionDetail>;
  /** Points a channel to a version. Errors: NOT_FOUND, INVALID_ARGUMENT for a channel that looks like a version. */
  setChannel(model: string, channel: string, version: string, actor: string): Promise<ModelView>;
  /** For devices: the signed envelope of a version, and a chunk. */
  envelope(digest: string): Promise<Uint8Array | undefined>;
  chunk(sha256: string): Promise<Uint8Array | undefined>;
  /** What a version's bundle says of its inputs and outputs. */
  reference(
    model: string,
    version: string,
  ): Promise<{ classNames: string[]; summary: Summary | null } | undefined>;
}

export interface RegistryOptions {
  storage: Storage;
  clock: Clock;
  /** The publisher keys trusted now; undefined: none were given yet. */
  trustRoot: () => TrustRoot | undefined;
  onChange: (model: string) => void;
}

export function createRegistry({ storage, clock, trustRoot, onChange }: RegistryOptions): Registry {
  const { db, blobs } = storage;
  const versionRow = (model: string, version: string): Promise<VersionRow | undefined> =>
    db
      .selectFrom('versions')
      .select(versionColumns)
      .where('model', '=', model)
      .where('version', '=', version)
      .executeTakeFirst();
  const resolve = async (model: string, name: string): Promise<VersionRow> => {
    const row = await findVersion(storage, model, name);
    if (!row) throw new CoveyError('NOT_FOUND', `there is no version or channel ${name} of model ${model}`);
    return row;
  };
  const views = async (name?: string): Promise<ModelView[]> => {
    const models = await db
      .selectFrom('models')
      .selectAll()
      .$if(name !== undefined, (query) => query.where('name', '=', name ?? ''))
      .orderBy('name')
      .execute();
    const versions = await db
      .selectFrom('versions')
      .select(versionColumns)
      .$if(name !== undefined, (query) => query.where('model', '=', name ?? ''))
      .orderBy('number', 'desc')
      .execute();
    const channels = await db.selectFrom('channels').selectAll().orderBy('channel').execute();
    return models.map((model) => modelView(model, versions, channels));
  };
  const model = async (name: string): Promise<ModelView> => {
    const [view] = await views(name);
    if (!view) throw new CoveyError('NOT_FOUND', `there is no model ${name}`);
    return view;
  };
  const publish = async (name: string, envelope: Uint8Array, actor: string): Promise<VersionView> => {
    const { manifest, digest } = verifyEnvelope(envelope, trusted(trustRoot()));
    if (manifest.model !== name)
      throw new CoveyError('INVALID_DOCUMENT', `the bundle is of model ${manifest.model}, not ${name}`);
    const known = await versionRow(manifest.model, manifest.version);
    if (known) return sameOrRefuse(known, digest);
    await verifyContents(manifest, blobs);
    const row = await storage.transaction((tx) =>
      insertVersion(tx, { manifest, digest, envelope, actor, now: clock.now() }),
    );
    onChange(name);
    return sameOrRefuse(row, digest);
  };
  // One at a time: a publication holds a model in memory.
  let publishing: Promise<unknown> = Promise.resolve();
  return {
    missingChunks: (digests) => missingChunks(blobs, digests),
    putChunk: (sha256, bytes) => blobs.put(sha256, bytes),
    publish: (name, envelope, actor) => {
      const next = publishing.then(
        () => publish(name, envelope, actor),
        () => publish(name, envelope, actor),
      );
      publishing = next;
      return next;
    },
    models: () => views(),
    model,
    version: async (name, version) => versionDetail(await resolve(name, version)),
    setChannel: async (name, channel, version, actor) => {
      if (/^\d/.test(channel))
        throw new CoveyError('INVALID_ARGUMENT', `a channel begins with a letter, not as ${channel} does`);
      const row = await resolve(name, version);
      await storage.transaction(async (tx) => {
        await tx
          .insertInto('channels')
          .values({ model: name, channel, version: row.version })
          .onConflict((conflict) =>
            conflict.columns(['model', 'channel']).doUpdateSet({ version: row.version }),
          )
          .execute();
        const detail = { channel, version: row.version };
        const subject = `model:${name}`;
        await writeAudit(tx, { at: clock.now(), actor, action: 'channel.move', subject, detail });
      });
      onChange(name);
      return model(name);
    },
    envelope: async (digest) => {
      const row = await db
        .selectFrom('versions')
        .select('envelope')
        .where('digest', '=', digest)
        .executeTakeFirst();
      return row?.envelope;
    },
    chunk: (sha256) => blobs.get(sha256),
    reference: async (name, version) => {
      const row = await versionRow(name, version);
      if (!row) return undefined;
      const { classification, files, reference } = manifestOf(row);
      const file = files.find(({ path }) => path === reference);
      return {
        classNames: classification?.classNames ?? [],
        summary: file ? parseReference(await readFile(file, blobs)) : null,
      };
    },
  };
}

function trusted(trustRoot: TrustRoot | undefined): TrustRoot {
  if (!trustRoot)
    throw new CoveyError(
      'CONFLICT',
      'the controller has no trust root yet: no publisher key can be verified',
    );
  return trustRoot;
}

function sameOrRefuse(known: VersionRow, digest: string): VersionView {
  if (known.digest !== digest)
    throw new CoveyError(
      'CONFLICT',
      `${known.model} ${known.version} is published with other contents (${known.digest.slice(0, 12)}); versions never change`,
    );
  return versionView(known);
}

/** By SemVer, else by number, else by channel: the three cannot be confused, a channel begins with a letter. */
async function findVersion({ db }: Storage, model: string, name: string): Promise<VersionRow | undefined> {
  const ofModel = db.selectFrom('versions').select(versionColumns).where('model', '=', model);
  if (/^\d+$/.test(name)) return ofModel.where('number', '=', Number(name)).executeTakeFirst();
  const exact = await ofModel.where('version', '=', name).executeTakeFirst();
  if (exact) return exact;
  const channel = db
    .selectFrom('channels')
    .select('version')
    .where('model', '=', model)
    .where('channel', '=', name);
  return ofModel.where('version', 'in', channel).executeTakeFirst();
}

async function insertVersion(
  tx: Tx,
  version: { manifest: Manifest; digest: string; envelope: Uint8Array; actor: string; now: number },
): Promise<VersionRow> {
  const { manifest, digest, envelope, actor, now } = version;
  await tx
    .insertInto('models')
    .values({ name: manifest.model, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { next_number: number } = await tx
    .selectFrom('models')
    .select('next_number')
    .where('name', '=', manifest.model)
    .executeTakeFirstOrThrow();
  await tx
    .updateTable('models')
    .set({ next_number: number + 1 })
    .where('name', '=', manifest.model)
    .execute();
  const row: VersionRow = {
    model: manifest.model,
    version: manifest.version,
    number,
    digest,
    manifest: JSON.stringify(manifest),
    created_at: now,
    published_by: actor,
  };
  await tx
    .insertInto('versions')
    .values({ ...row, envelope })
    .execute();
  const detail = { version: row.version, number, digest };
  const subject = `model:${row.model}`;
  await writeAudit(tx, { at: now, actor, action: 'version.publish', subject, detail });
  return row;
}
