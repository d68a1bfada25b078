import { verifyEnvelope } from '@covey/bundle';
import { CoveyError, type Manifest, type TrustRoot } from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import type { Tx } from '../storage/index.ts';
import { versionRow } from './lookup.ts';
import type { RegistryOptions } from './registry.ts';
import { verifyContents } from './verify.ts';
import type { VersionRow } from './views.ts';

/** Publishes a version, see Registry.publish. One at a time: a publication holds a model in memory. */
export function createPublisher(options: Omit<RegistryOptions, 'onChange'>) {
  let publishing: Promise<unknown> = Promise.resolve();
  return (name: string, envelope: Uint8Array, actor: string): Promise<VersionRow> => {
    const next = publishing.then(
      () => publish(options, name, envelope, actor),
      () => publish(options, name, envelope, actor),
    );
    publishing = next;
    return next;
  };
}

async function publish(
  { storage, clock, trustRoot }: Omit<RegistryOptions, 'onChange'>,
  name: string,
  envelope: Uint8Array,
  actor: string,
): Promise<VersionRow> {
  const { manifest, digest } = verifyEnvelope(envelope, trusted(trustRoot()));
  if (manifest.model !== name)
    throw new CoveyError('INVALID_DOCUMENT', `the bundle is of model ${manifest.model}, not ${name}`);
  const known = await versionRow(storage.db, manifest.model, manifest.version);
  if (known) return sameOrRefuse(known, digest);
  await verifyContents(manifest, storage.blobs);
  return storage.transaction((tx) =>
    insertVersion(tx, { manifest, digest, envelope, actor, now: clock.now() }),
  );
}

function trusted(trustRoot: TrustRoot | undefined): TrustRoot {
  if (!trustRoot)
    throw new CoveyError(
      'CONFLICT',
      'the controller has no trust root yet: no publisher key can be verified',
    );
  return trustRoot;
}

function sameOrRefuse(known: VersionRow, digest: string): VersionRow {
  if (known.digest !== digest)
    throw new CoveyError(
      'CONFLICT',
      `${known.model} ${known.version} is published with other contents (${known.digest.slice(0, 12)}); versions never change`,
    );
  return known;
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
