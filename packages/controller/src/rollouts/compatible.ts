import {
  type Birth,
  CoveyError,
  checkDependencies,
  compatibleVariants,
  type Manifest,
  runtimeOpsets,
} from '@covey/protocol';
import type { Selectable } from 'kysely';
import { desiredOf } from '../fleet/index.ts';
import type { Db, DevicesTable } from '../storage/index.ts';

type Device = Pick<Selectable<DevicesTable>, 'id' | 'birth' | 'desired'>;

/**
 * Sees to it that a version runs on those of a group that take it, as far as they said what they are, and that each one's release then holds what
 * its models depend on. Errors: BUNDLE_INCOMPATIBLE, naming the devices.
 */
export async function requireCompatible(
  db: Db,
  { model, version }: { model: string; version: string },
  group: readonly Device[],
  taking: ReadonlySet<string>,
): Promise<void> {
  const devices = group.filter(({ id }) => taking.has(id));
  const manifests = await manifestsOf(db, { model, version }, devices);
  const target = manifests.get(`${model} ${version}`);
  if (!target) throw new CoveyError('NOT_FOUND', `there is no version ${version} of model ${model}`);
  const refused = new Map<string, string[]>();
  for (const device of devices) {
    const others = (desiredOf(device)?.release.models ?? []).filter((ref) => ref.model !== model);
    const release = others.flatMap((ref) => manifests.get(`${ref.model} ${ref.version}`) ?? []);
    const why = refusalOf(device, target, release);
    if (why !== undefined) refused.set(why, [...(refused.get(why) ?? []), device.id]);
  }
  if (refused.size === 0) return;
  const reasons = [...refused].map(([why, ids]) => `${named(ids)}: ${why}`);
  throw new CoveyError('BUNDLE_INCOMPATIBLE', reasons.join('; '));
}

function refusalOf({ birth }: Device, target: Manifest, others: readonly Manifest[]): string | undefined {
  try {
    if (birth !== null) {
      const { agentVersion, deviceClass } = JSON.parse(birth) as Birth;
      const { providers, memoryBytes } = deviceClass;
      compatibleVariants(target, { providers, memoryBytes, agentVersion, opsets: runtimeOpsets });
    }
    checkDependencies([target, ...others]);
    return undefined;
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'BUNDLE_INCOMPATIBLE') return error.message;
    throw error;
  }
}

function named(ids: readonly string[]): string {
  const shown = ids.slice(0, 3).join(', ');
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown;
}

/** By model and version: of the target and of all that the devices are to run. */
async function manifestsOf(
  db: Db,
  target: { model: string; version: string },
  devices: readonly Device[],
): Promise<Map<string, Manifest>> {
  const wanted = devices.flatMap((device) => desiredOf(device)?.release.models ?? []);
  const models = [...new Set([target, ...wanted].map(({ model }) => model))];
  const names = new Set([target, ...wanted].map(({ model, version }) => `${model} ${version}`));
  const rows = await db
    .selectFrom('versions')
    .select(['model', 'version', 'manifest'])
    .where('model', 'in', models)
    .execute();
  return new Map(
    rows
      .filter(({ model, version }) => names.has(`${model} ${version}`))
      .map((row) => [`${row.model} ${row.version}`, JSON.parse(row.manifest) as Manifest]),
  );
}
