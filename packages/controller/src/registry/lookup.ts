import { CoveyError } from '@covey/protocol';
import type { ModelView } from '@covey/protocol/api';
import type { Db } from '../storage/index.ts';
import { modelView, type VersionRow, versionColumns } from './views.ts';

export function versionRow(db: Db, model: string, version: string): Promise<VersionRow | undefined> {
  return db
    .selectFrom('versions')
    .select(versionColumns)
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
}

/** By version, number or channel. Errors: NOT_FOUND. */
export async function resolveVersion(db: Db, model: string, name: string): Promise<VersionRow> {
  const row = await findVersion(db, model, name);
  if (!row) throw new CoveyError('NOT_FOUND', `there is no version or channel ${name} of model ${model}`);
  return row;
}

/** By SemVer, else by number, else by channel: the three cannot be confused, a channel begins with a letter. */
async function findVersion(db: Db, model: string, name: string): Promise<VersionRow | undefined> {
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

/** All models, or the one named; by name, their versions newest first. */
export async function modelViews(db: Db, name?: string): Promise<ModelView[]> {
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
}
