import type { Clock } from '@covey/ports';
import {
  type Birth,
  type BundleFile,
  CoveyError,
  canonicalJson,
  type Manifest,
  type Tags,
} from '@covey/protocol';
import type { RolloutPreview } from '@covey/protocol/api';
import { devicesOf, reportOf } from '../fleet/index.ts';
import type { Db } from '../storage/index.ts';
import type { Transfers } from './transfers.ts';

type Class = RolloutPreview['classes'][number];
type PreviewFile = Class['files'][number];

export interface PreviewContext {
  db: Db;
  transfers: Pick<Transfers, 'sizeOf'>;
  clock: Clock;
  /** Until when to wait for transfers that have to be made. */
  until: number;
}

/**
 * What a rollout of a published version would bring to the devices of a group: from the files of the version that each one
 * reports to serve, in the way that takes the fewest bytes. It makes the transfers that the rollout will use.
 * Errors: NOT_FOUND (version, empty group), INVALID_ARGUMENT (selector), TRANSFER_PENDING while transfers are being made.
 */
export async function previewRollout(
  context: PreviewContext,
  { model, version, selector }: { model: string; version: string; selector: string },
): Promise<RolloutPreview> {
  const { db } = context;
  const target = await manifestOf(db, model, version);
  if (!target) throw new CoveyError('NOT_FOUND', `there is no version ${version} of model ${model}`);
  const rows = await devicesOf(db, selector);
  if (rows.length === 0) throw new CoveyError('NOT_FOUND', `no device matches ${selector}`);
  const manifestBytes = new TextEncoder().encode(canonicalJson(target)).byteLength;
  const classes = new Map<string, Class>();
  const sites = new Map<string | null, RolloutPreview['sites'][number]>();
  for (const row of rows) {
    const hardware = row.birth === null ? null : hardwareOf(JSON.parse(row.birth) as Birth);
    const serving = reportOf(row)?.reported.serving.find((one) => one.model === model)?.version ?? null;
    const key = JSON.stringify([hardware, serving]);
    const known = classes.get(key) ?? {
      ...{ hardware, from: serving, devices: 0 },
      ...(await costOf(context, target, serving, manifestBytes)),
    };
    classes.set(key, { ...known, devices: known.devices + 1 });
    const site = (JSON.parse(row.tags) as Tags).site ?? null;
    const sum = sites.get(site) ?? { site, devices: 0, wireBytes: 0 };
    const wireBytes = sum.wireBytes + known.bytesPerDevice;
    sites.set(site, { site, devices: sum.devices + 1, wireBytes });
  }
  return {
    ...{ model, version, manifestBytes },
    classes: [...classes.values()].sort((a, b) => b.devices - a.devices),
    sites: [...sites.values()].sort((a, b) => b.wireBytes - a.wireBytes),
    devices: rows.length,
    wireBytes: [...sites.values()].reduce((sum, { wireBytes }) => sum + wireBytes, 0),
  };
}

async function costOf(
  context: PreviewContext,
  target: Manifest,
  serving: string | null,
  manifestBytes: number,
): Promise<Pick<Class, 'files' | 'bytesPerDevice'>> {
  const base = serving === null ? undefined : await manifestOf(context.db, target.model, serving);
  if (serving === target.version) return { files: [], bytesPerDevice: 0 };
  const files: PreviewFile[] = [];
  for (const file of target.files) files.push(await fileCost(context, file, base));
  return { files, bytesPerDevice: files.reduce((sum, { wireBytes }) => sum + wireBytes, manifestBytes) };
}

/** The way that the device will choose: a transfer from the file of the same name, or from nothing, or its other chunks. */
async function fileCost(
  { transfers, clock, until }: PreviewContext,
  { path, sizeBytes, sha256 }: BundleFile,
  base: Manifest | undefined,
): Promise<PreviewFile> {
  const about = { path, sizeBytes };
  const sizeFrom = (from: string | null) => transfers.sizeOf(sha256, from, Math.max(0, until - clock.now()));
  if (base?.files.some((file) => file.sha256 === sha256))
    return { ...about, how: 'here', from: base.version, wireBytes: 0 };
  const before = base?.files.find((file) => file.path === path);
  const fromBase = before && (await sizeFrom(before.sha256));
  if (base && fromBase?.how === 'transfer')
    return { ...about, how: 'transfer', from: base.version, wireBytes: fromBase.wireBytes };
  const fresh = await sizeFrom(null);
  const missing = fromBase?.wireBytes ?? sizeBytes;
  if (fresh?.how === 'transfer' && fresh.wireBytes < missing)
    return { ...about, how: 'transfer', from: null, wireBytes: fresh.wireBytes };
  return { ...about, how: 'chunks', from: before && base ? base.version : null, wireBytes: missing };
}

async function manifestOf(db: Db, model: string, version: string): Promise<Manifest | undefined> {
  const row = await db
    .selectFrom('versions')
    .select('manifest')
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
  return row && (JSON.parse(row.manifest) as Manifest);
}

function hardwareOf({ deviceClass: { os, arch, cpu, cores } }: Birth): string {
  return `${os}/${arch}, ${cpu}, ${cores} cores`;
}
