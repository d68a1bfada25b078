import { type Birth, CoveyError, type LinkSettings, limits, type Tags } from '@covey/protocol';
import type { DevicePatch, DevicesAnswer, DeviceView } from '@covey/protocol/api';
import type { Selectable } from 'kysely';
import { writeAudit } from '../audit/index.ts';
import type { CertificatesTable, Db, Storage, Tx } from '../storage/index.ts';
import { desiredOf, reportOf } from './documents.ts';
import { type DeviceRow, parseSelector } from './selector.ts';

/** A page of the devices of a group, revoked ones too, by id. Errors: INVALID_ARGUMENT (selector). */
export async function listDevices(
  db: Db,
  { selector, after, limit }: { selector: string; after?: string | undefined; limit: number },
): Promise<DevicesAnswer> {
  const matches = parseSelector(selector);
  const rows = await db
    .selectFrom('devices')
    .selectAll()
    .where('id', '>', after ?? '')
    .orderBy('id')
    .execute();
  const found = rows.filter((row) => matches({ id: row.id, tags: JSON.parse(row.tags) as Tags }));
  const page = found.slice(0, limit);
  const views = await viewsOf(db, page);
  const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
  return { devices: views, next };
}

/** Errors: NOT_FOUND. */
export async function deviceView(db: Db, id: string): Promise<DeviceView> {
  const [view] = await viewsOf(db, [await rowOf(db, id)]);
  return view as DeviceView;
}

/** Merges tags (RFC 7396). Errors: NOT_FOUND, INVALID_DOCUMENT (too many). */
export async function patchTags(
  storage: Storage,
  id: string,
  patch: DevicePatch['tags'],
  { actor, now }: { actor: string; now: number },
): Promise<void> {
  await storage.transaction(async (tx) => {
    const row = await rowOf(tx, id);
    const merged = Object.entries({ ...(JSON.parse(row.tags) as Tags), ...patch });
    const tags = merged.filter(([, value]) => value !== null);
    if (tags.length > limits.tagsPerDevice)
      throw new CoveyError('INVALID_DOCUMENT', `a device has at most ${limits.tagsPerDevice} tags`);
    await tx
      .updateTable('devices')
      .set({ tags: JSON.stringify(Object.fromEntries(tags)) })
      .where('id', '=', id)
      .execute();
    await writeAudit(tx, { at: now, actor, action: 'device.tag', subject: `device:${id}`, detail: patch });
  });
}

/** At the start no device is connected, whatever the database said when the controller ended. */
export async function resetPresence(db: Db): Promise<void> {
  await db.updateTable('devices').set({ online: 0 }).where('online', '=', 1).execute();
}

async function rowOf(db: Db | Tx, id: string): Promise<DeviceRow> {
  const row = await db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw new CoveyError('NOT_FOUND', `there is no device ${id}`);
  return row;
}

/** The views of rows, in their order. */
async function viewsOf(db: Db, rows: readonly DeviceRow[]): Promise<DeviceView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const systems = await db.selectFrom('device_metrics').selectAll().where('device', 'in', ids).execute();
  const certificates = await db
    .selectFrom('certificates')
    .selectAll()
    .where('device', 'in', ids)
    .where('state', '=', 'current')
    .execute();
  const systemOf = new Map(systems.map((row) => [row.device, row]));
  const certificateOf = new Map(certificates.map((row) => [row.device, row]));
  return rows.map((row) => viewOf(row, systemOf.get(row.id), certificateOf.get(row.id)));
}

function viewOf(
  row: DeviceRow,
  system: { at: number; system: string } | undefined,
  certificate: Selectable<CertificatesTable> | undefined,
): DeviceView {
  return {
    id: row.id,
    tags: JSON.parse(row.tags) as Tags,
    online: row.online === 1,
    enrolledAt: row.enrolled_at,
    revokedAt: row.revoked_at,
    refusal: row.refusal,
    certificate: certificate ? certificateViewOf(certificate) : null,
    clone: row.clone === null ? null : (JSON.parse(row.clone) as DeviceView['clone']),
    lastSeenAt: row.last_seen_at,
    hardware: hardwareOf(row),
    desired: desiredViewOf(row),
    reported: reportedViewOf(row),
    system: system
      ? ({ at: system.at, ...JSON.parse(system.system) } as NonNullable<DeviceView['system']>)
      : null,
    link: linkViewOf(row),
  };
}

function certificateViewOf(row: Selectable<CertificatesTable>): DeviceView['certificate'] {
  const { serial, issuer, issued_at, expires_at } = row;
  return { serial, issuer, issuedAt: issued_at, expiresAt: expires_at };
}

function hardwareOf(row: DeviceRow): DeviceView['hardware'] {
  if (row.birth === null) return null;
  const { agentVersion, deviceClass, inferenceUrl } = JSON.parse(row.birth) as Birth;
  return { agentVersion, ...deviceClass, inferenceUrl: inferenceUrl ?? null };
}

function desiredViewOf(row: DeviceRow): DeviceView['desired'] {
  const desired = desiredOf(row);
  if (!desired) return null;
  const { generation, release, setBy, setAt, orders } = desired;
  return { generation, releaseId: release.id, models: release.models, setBy, setAt, orders };
}

function linkViewOf(row: DeviceRow): DeviceView['link'] {
  const wanted = row.link === null ? null : (JSON.parse(row.link) as LinkSettings);
  const reported = reportOf(row)?.reported.link;
  return {
    wanted: wanted && { id: wanted.id, mqttUrl: wanted.mqttUrl, deviceUrl: wanted.deviceUrl },
    reported: reported ? { ...reported, reason: reported.reason ?? null } : null,
  };
}

function reportedViewOf(row: DeviceRow): DeviceView['reported'] {
  const report = reportOf(row);
  if (!report || row.reported_at === null) return null;
  const { generation, state, reason, proof, evidence, probe, serving, runtimeDeaths } = report.reported;
  return {
    at: row.reported_at,
    generation,
    state,
    reason: reason ?? null,
    proof: proof ?? null,
    evidence: evidence ?? null,
    probe: probe.map((result) => ({ ...result, reason: result.reason ?? null })),
    serving,
    runtimeDeaths,
  };
}
