import { CoveyError, type ModelVersionRef } from '@covey/protocol';
import { desiredOf, reportOf } from '../fleet/index.ts';
import type { Db } from '../storage/index.ts';

/** Rollouts of a device that are looked at for what it may have, the last ones: their versions are long gone from it. */
const mostRollouts = 50;

/**
 * Refuses the making of a transfer that a device has no use for. A target is a file of a version that is wanted of it, or
 * that it reports to serve (which is repaired with it). A base is the same file, by its path, of a version of the same model
 * that it was ever told to have, as far as rollouts say, or reports to serve. What a device reports may be a lie: the worst of
 * it is the transfers between versions of one model that is wanted of it. Errors: TRANSFER_REFUSED.
 */
export async function requireWanted(
  db: Db,
  device: string,
  target: string,
  base: string | null,
): Promise<void> {
  const row = await db
    .selectFrom('devices')
    .select(['desired', 'reported'])
    .where('id', '=', device)
    .executeTakeFirst();
  const wanted = new Set<string>();
  if (row) {
    for (const ref of desiredOf(row)?.release.models ?? []) wanted.add(nameOf(ref));
    for (const ref of reportOf(row)?.reported.serving ?? []) wanted.add(nameOf(ref));
  }
  const targets = (await filesOf(db, target)).filter((file) => wanted.has(nameOf(file)));
  if (targets.length === 0)
    throw new CoveyError(
      'TRANSFER_REFUSED',
      `no version that is wanted of ${device} has the file ${target.slice(0, 12)}`,
    );
  if (base === null) return;
  const held = wanted.union(await toldOf(db, device));
  const fits = (await filesOf(db, base)).some(
    (file) =>
      held.has(nameOf(file)) && targets.some(({ model, path }) => model === file.model && path === file.path),
  );
  if (!fits)
    throw new CoveyError(
      'TRANSFER_REFUSED',
      `${device} was told to have no version of the same model with the file ${base.slice(0, 12)}, and reports none`,
    );
}

type Version = Pick<ModelVersionRef, 'model' | 'version'>;

export function nameOf({ model, version }: Version): string {
  return `${model}@${version}`;
}

/** Where a file of this digest stands in published versions. */
function filesOf(db: Db, sha256: string): Promise<(Version & { path: string })[]> {
  return db
    .selectFrom('contents')
    .select(['model', 'version', 'path'])
    .where('sha256', '=', sha256)
    .where('path', '!=', '')
    .execute();
}

/** What rollouts have told the device to have, and what it had before each. */
async function toldOf(db: Db, device: string): Promise<Set<string>> {
  const rows = await db
    .selectFrom('rollout_devices')
    .innerJoin('rollouts', 'rollouts.id', 'rollout_devices.rollout')
    .select(['plan', 'previous'])
    .where('device', '=', device)
    .where('generation', 'is not', null)
    .orderBy('created_at', 'desc')
    .limit(mostRollouts)
    .execute();
  const told = new Set<string>();
  for (const { plan, previous } of rows) {
    const { model, version } = JSON.parse(plan) as Version;
    told.add(nameOf({ model, version }));
    if (previous !== null) told.add(nameOf({ model, version: previous }));
  }
  return told;
}
