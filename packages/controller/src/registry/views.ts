import type { Manifest } from '@covey/protocol';
import type { ModelView, VersionDetail, VersionView } from '@covey/protocol/api';
import type { Selectable } from 'kysely';
import type { ChannelsTable, ModelsTable, VersionsTable } from '../storage/index.ts';

export type VersionRow = Selectable<VersionsTable>;
export const versionColumns = [
  'model',
  'version',
  'number',
  'digest',
  'manifest',
  'created_at',
  'published_by',
] as const;

export function manifestOf(row: Pick<VersionRow, 'manifest'>): Manifest {
  return JSON.parse(row.manifest) as Manifest;
}

export function versionView(row: VersionRow): VersionView {
  const { description, securityCounter, variants, files } = manifestOf(row);
  const sizes = new Map(files.map((file) => [file.path, file.sizeBytes]));
  return {
    model: row.model,
    version: row.version,
    number: row.number,
    digest: row.digest,
    publishedAt: row.created_at,
    publishedBy: row.published_by,
    description: description ?? null,
    securityCounter,
    variants: variants.map(({ name, file }) => ({ name, sizeBytes: sizes.get(file) ?? 0 })),
  };
}

export function versionDetail(row: VersionRow, evaluation: unknown): VersionDetail {
  const manifest = manifestOf(row);
  const { schema, classification, files, golden, reference, serving, pipeline } = manifest;
  return {
    ...versionView(row),
    schema,
    classNames: classification?.classNames ?? null,
    files: files.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 })),
    hasGolden: golden !== undefined,
    hasReference: reference !== undefined,
    serving: serving ?? null,
    pipeline: pipeline ?? null,
    requirements: manifest.requirements ?? null,
    provides: manifest.provides ?? null,
    depends: manifest.depends ?? null,
    evaluation,
  };
}

export function modelView(
  model: Selectable<ModelsTable>,
  versions: readonly VersionRow[],
  channels: readonly Selectable<ChannelsTable>[],
): ModelView {
  return {
    name: model.name,
    createdAt: model.created_at,
    versions: versions.filter((row) => row.model === model.name).map(versionView),
    channels: Object.fromEntries(
      channels.filter((row) => row.model === model.name).map((row) => [row.channel, row.version]),
    ),
  };
}
