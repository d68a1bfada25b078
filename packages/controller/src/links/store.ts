import { type LinkSettings, limits } from '@covey/protocol';
import type { LinkChangePlan } from '@covey/protocol/api';
import { reportOf } from '../fleet/index.ts';
import type { Db, Tx } from '../storage/index.ts';
import type { LinkChange, LinkMember, SeenDevice } from './advance.ts';

export async function insertChange(tx: Tx, change: LinkChange): Promise<void> {
  await tx
    .insertInto('link_changes')
    .values({
      id: change.id,
      plan: JSON.stringify(change.plan),
      state: change.state,
      reason: change.reason,
      wave: change.wave,
      created_at: change.createdAt,
      created_by: change.createdBy,
      updated_at: change.updatedAt,
    })
    .execute();
  for (const { device, wave, state, reason, movedAt } of change.members)
    await tx
      .insertInto('link_change_devices')
      .values({ change: change.id, device, wave, state, reason, moved_at: movedAt })
      .execute();
}

/** Writes what differs from `before`. */
export async function updateChange(tx: Tx, before: LinkChange, change: LinkChange): Promise<void> {
  const { state, reason, wave, updatedAt } = change;
  await tx
    .updateTable('link_changes')
    .set({ state, reason, wave, updated_at: updatedAt })
    .where('id', '=', change.id)
    .execute();
  for (const [index, member] of change.members.entries()) {
    if (member === before.members[index]) continue;
    await tx
      .updateTable('link_change_devices')
      .set({ state: member.state, reason: member.reason, moved_at: member.movedAt })
      .where('change', '=', change.id)
      .where('device', '=', member.device)
      .execute();
  }
}

export async function readChange(db: Db, id: string): Promise<LinkChange | undefined> {
  const row = await db.selectFrom('link_changes').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return undefined;
  const devices = await db
    .selectFrom('link_change_devices')
    .selectAll()
    .where('change', '=', id)
    .orderBy('wave')
    .orderBy('device')
    .execute();
  return {
    id,
    plan: JSON.parse(row.plan) as LinkChangePlan,
    state: row.state as LinkChange['state'],
    reason: row.reason,
    wave: row.wave,
    members: devices.map(({ device, wave, state, reason, moved_at }) => ({
      ...{ device, wave, reason, movedAt: moved_at },
      state: state as LinkMember['state'],
    })),
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
  };
}

/** Newest first. */
export async function changeIds(db: Db, limit: number): Promise<string[]> {
  const select = db.selectFrom('link_changes').select('id').orderBy('created_at', 'desc').orderBy('id');
  return (await select.limit(limit).execute()).map(({ id }) => id);
}

export async function runningChangeIds(db: Db): Promise<string[]> {
  const select = db.selectFrom('link_changes').select('id').where('state', '=', 'running').orderBy('id');
  return (await select.execute()).map(({ id }) => id);
}

/** Those that have ended, of whose devices one at least has yet to say what became of it; the latest `limit`. */
export async function awaitedChangeIds(db: Db, limit: number): Promise<string[]> {
  const open = db
    .selectFrom('link_change_devices')
    .select('change')
    .where('moved_at', 'is not', null)
    .where('state', 'in', ['moving', 'silent', 'unreached']);
  const select = db
    .selectFrom('link_changes')
    .select('id')
    .where('state', '!=', 'running')
    .where('id', 'in', open)
    .orderBy('created_at', 'desc')
    .orderBy('id');
  return (await select.limit(limit).execute()).map(({ id }) => id);
}

/** What is known of the devices of a change. */
export async function seenDevices(db: Db, change: string): Promise<Map<string, SeenDevice>> {
  const rows = await db
    .selectFrom('devices')
    .innerJoin('link_change_devices', 'link_change_devices.device', 'devices.id')
    .select(['devices.id', 'devices.reported', 'devices.last_seen_at'])
    .where('link_change_devices.change', '=', change)
    .execute();
  return new Map(
    rows.map((row) => [row.id, { reported: reportOf(row)?.reported.link, lastSeenAt: row.last_seen_at }]),
  );
}

/** How a device is to reach the controller from now on. */
export async function setLink(tx: Tx, device: string, link: LinkSettings): Promise<void> {
  await tx
    .updateTable('devices')
    .set({ link: JSON.stringify(link) })
    .where('id', '=', device)
    .execute();
}

/** A device that has not moved yet is no longer to; false: it was not to. */
export async function withdrawLink(tx: Tx, device: string, change: string): Promise<boolean> {
  const row = await tx.selectFrom('devices').select('link').where('id', '=', device).executeTakeFirst();
  if (!row?.link || (JSON.parse(row.link) as LinkSettings).id !== change) return false;
  await tx.updateTable('devices').set({ link: null }).where('id', '=', device).execute();
  return true;
}

/** A device that refuses what it is told of a change under way does not move. */
export async function noteRefusal(tx: Tx, device: string, message: string): Promise<void> {
  await tx
    .updateTable('link_change_devices')
    .set({
      state: 'takenBack',
      reason: `it refused what it was told: ${message}`.slice(0, limits.reasonChars),
    })
    .where('device', '=', device)
    .where('state', '=', 'moving')
    .execute();
}
