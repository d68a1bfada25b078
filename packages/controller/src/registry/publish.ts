import { encodeManifest, parseManifest, sha256 } from '@covey/bundle';
import { isTargetOf, type Repository, rolesListing, targetPath } from '@covey/bundle/tuf';
import { CoveyError, canonicalJson, type Manifest } from '@covey/protocol';
import type { PublishRequest } from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import type { Tx } from '../storage/index.ts';
import { versionRow } from './lookup.ts';
import type { RegistryOptions } from './registry.ts';
import { verifyContents } from './verify.ts';
import type { VersionRow } from './views.ts';

/** Publishes a version, see Registry.publish. One at a time, as Trust.publish is: a publication holds a model in memory. */
export async function publish(
  { storage, clock, trust }: Pick<RegistryOptions, 'storage' | 'clock' | 'trust'>,
  name: string,
  request: PublishRequest,
  actor: string,
): Promise<VersionRow> {
  const manifest = parseManifest(new TextEncoder().encode(canonicalJson(request.manifest)));
  if (manifest.model !== name)
    throw new CoveyError('INVALID_DOCUMENT', `the bundle is of model ${manifest.model}, not ${name}`);
  const manifestBytes = encodeManifest(manifest);
  const digest = sha256(manifestBytes);
  let known: VersionRow | undefined;
  return trust.publish(
    { roots: [], targets: request.targets },
    {
      actor,
      check: async (repository) => {
        await requireListed(repository, manifest, digest);
        known = await versionRow(storage.db, manifest.model, manifest.version);
        if (known) sameOrRefuse(known, digest);
        else await verifyContents(manifest, storage.blobs);
      },
      commit: async (tx) =>
        known ?? insertVersion(tx, { manifest, manifestBytes, digest, actor, now: clock.now() }),
    },
  );
}

/** Errors: TRUST_UNKNOWN unless a role lists the version with these contents. */
async function requireListed(
  repository: Pick<Repository, 'targets'>,
  { model, version, securityCounter }: Manifest,
  digest: string,
): Promise<void> {
  const listed = await rolesListing(repository, targetPath(model, version));
  const fits = listed.some(
    ({ target }) => isTargetOf(target, digest) && target.custom?.securityCounter === securityCounter,
  );
  if (!fits)
    throw new CoveyError(
      'TRUST_UNKNOWN',
      `no role lists ${model} ${version} with the contents of its manifest`,
    );
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
  version: { manifest: Manifest; manifestBytes: Uint8Array; digest: string; actor: string; now: number },
): Promise<VersionRow> {
  const { manifest, manifestBytes, digest, actor, now } = version;
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
    manifest: new TextDecoder().decode(manifestBytes),
    created_at: now,
    published_by: actor,
  };
  await tx.insertInto('versions').values(row).execute();
  await insertContents(tx, manifest);
  const detail = { version: row.version, number, digest };
  const subject = `model:${row.model}`;
  await writeAudit(tx, { at: now, actor, action: 'version.publish', subject, detail });
  return row;
}

/** Rows of one statement: SQLite takes no more than 32,766 values. */
const rowsAtOnce = 1_000;

async function insertContents(tx: Tx, { model, version, files }: Manifest): Promise<void> {
  const chunks = new Set(files.flatMap((file) => file.chunks.map(({ sha256 }) => sha256)));
  const rows = [
    ...files.map(({ sha256, path }) => ({ sha256, model, version, path })),
    ...[...chunks].map((sha256) => ({ sha256, model, version, path: '' })),
  ];
  for (let at = 0; at < rows.length; at += rowsAtOnce)
    await tx
      .insertInto('contents')
      .values(rows.slice(at, at + rowsAtOnce))
      .execute();
}
