import { parseEvaluation, parseReference } from '@covey/bundle';
import type { Clock, Log } from '@covey/ports';
import { CoveyError, type Summary } from '@covey/protocol';
import type { ModelView, PublishRequest, VersionDetail, VersionView } from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import type { Storage } from '../storage/index.ts';
import type { Trust } from '../trust/index.ts';
import { modelViews, resolveVersion, versionRow } from './lookup.ts';
import { createLostChunks } from './lost.ts';
import { publish } from './publish.ts';
import { missingChunks, readFile } from './verify.ts';
import { manifestOf, type VersionRow, versionDetail, versionView } from './views.ts';

export interface Registry {
  /** Those of `digests` that have to be uploaded. */
  missingChunks(digests: readonly string[]): Promise<string[]>;
  /** Errors: BUNDLE_CORRUPT when the bytes have another digest, DISK_FULL. */
  putChunk(sha256: string, bytes: Uint8Array): Promise<void>;
  /**
   * Makes a signed version available; its chunks have been uploaded. The same again is fine. Errors: CONFLICT (no root of
   * trust, or the version exists with other contents), TRUST_UNKNOWN, those of Trust.publish and verifyContents, INVALID_DOCUMENT.
   */
  publish(model: string, request: PublishRequest, actor: string): Promise<VersionView>;
  models(): Promise<ModelView[]>;
  /** Errors: NOT_FOUND. */
  model(name: string): Promise<ModelView>;
  /** `name` is a version, its number, or a channel. Errors: NOT_FOUND. */
  version(model: string, name: string): Promise<VersionDetail>;
  /** Points a channel to a version. Errors: NOT_FOUND, INVALID_ARGUMENT for a channel that looks like a version. */
  setChannel(model: string, channel: string, version: string, actor: string): Promise<ModelView>;
  /** For devices: the manifest of a version, and a chunk. Errors: CHUNK_LOST where the disk has lost or damaged one of a version. */
  manifestBytes(digest: string): Promise<Uint8Array | undefined>;
  chunk(sha256: string): Promise<Uint8Array | undefined>;
  /** What a version's bundle says of its inputs and outputs. */
  reference(
    model: string,
    version: string,
  ): Promise<{ classNames: string[]; summary: Summary | null } | undefined>;
}

/** `summary` is null when the bundle has none. */
interface Reference {
  classNames: string[];
  summary: Summary | null;
}

export interface RegistryOptions {
  storage: Storage;
  clock: Clock;
  trust: Trust;
  log: Log;
  onChange: (model: string) => void;
}

export function createRegistry(options: RegistryOptions): Registry {
  const { storage, onChange } = options;
  const { db, blobs } = storage;
  const lost = createLostChunks(options);
  const model = async (name: string): Promise<ModelView> => {
    const [view] = await modelViews(db, name);
    if (!view) throw new CoveyError('NOT_FOUND', `there is no model ${name}`);
    return view;
  };
  return {
    missingChunks: (digests) => missingChunks(blobs, digests),
    putChunk: async (sha256, bytes) => {
      await blobs.put(sha256, bytes);
      await lost.found(sha256);
    },
    publish: async (name, request, actor) => {
      const row = await publish(options, name, request, actor);
      onChange(name);
      return versionView(row);
    },
    models: () => modelViews(db),
    model,
    version: async (name, version) => {
      const row = await resolveVersion(db, name, version);
      return versionDetail(row, await readEvaluation(storage, row));
    },
    setChannel: async (name, channel, version, actor) => {
      await setChannel(options, name, channel, version, actor);
      onChange(name);
      return model(name);
    },
    manifestBytes: async (digest) => {
      const ofDigest = db.selectFrom('versions').select('manifest').where('digest', '=', digest);
      const row = await ofDigest.executeTakeFirst();
      return row && new TextEncoder().encode(row.manifest);
    },
    chunk: async (sha256) => {
      const bytes = await blobs.get(sha256);
      if (!bytes) await lost.miss(sha256);
      return bytes;
    },
    reference: (name, version) => readReference(storage, name, version),
  };
}

async function setChannel(
  { storage, clock }: RegistryOptions,
  model: string,
  channel: string,
  name: string,
  actor: string,
): Promise<void> {
  if (/^\d/.test(channel))
    throw new CoveyError('INVALID_ARGUMENT', `a channel begins with a letter, not as ${channel} does`);
  const { version } = await resolveVersion(storage.db, model, name);
  await storage.transaction(async (tx) => {
    await tx
      .insertInto('channels')
      .values({ model, channel, version })
      .onConflict((conflict) => conflict.columns(['model', 'channel']).doUpdateSet({ version }))
      .execute();
    const entry = { at: clock.now(), actor, action: 'channel.move', subject: `model:${model}` };
    await writeAudit(tx, { ...entry, detail: { channel, version } });
  });
}

/** What the version's evaluation report says; null when the bundle has none. */
async function readEvaluation({ blobs }: Storage, row: VersionRow): Promise<unknown> {
  const { files, evaluation } = manifestOf(row);
  const file = files.find(({ path }) => path === evaluation);
  return file ? parseEvaluation(await readFile(file, blobs)) : null;
}

async function readReference(
  { db, blobs }: Storage,
  model: string,
  version: string,
): Promise<Reference | undefined> {
  const row = await versionRow(db, model, version);
  if (!row) return undefined;
  const { classification, files, reference } = manifestOf(row);
  const file = files.find(({ path }) => path === reference);
  return {
    classNames: classification?.classNames ?? [],
    summary: file ? parseReference(await readFile(file, blobs)) : null,
  };
}
