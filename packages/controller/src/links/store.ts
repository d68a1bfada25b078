import type { LinkSettings } from '@covey/protocol';
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

/** Newest first; those that run alone where `isRunning`. */
export async function changeIds(
  db: Db,
  { limit, isRunning }: { limit?: number; isRunning: boolean },
): Promise<string[]> {
  const rows = await db
    .selectFrom('link_changes')
    .select('id')
    .$if(isRunning, (select) => select.where('state', '=', 'running'))
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .$if(limit !== undefined, (select) => select.limit(limit ?? 0))
    .execute();
  return rows.map(({ id }) => id);
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

/** A device that has not moved yet is no longer to. */
export async function withdrawLink(tx: Tx, device: string, change: string): Promise<void> {
  const row = await tx.selectFrom('devices').select('link').where('id', '=', device).executeTakeFirst();
  if (!row?.link || (JSON.parse(row.link) as LinkSettings).id !== change) return;
  await tx.updateTable('devices').set({ link: null }).where('id', '=', device).execute();
}
