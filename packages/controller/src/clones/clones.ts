import type { Clock } from '@covey/ports';
import type { Birth } from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import type { Db, Storage, Tx } from '../storage/index.ts';
import { bootsKept, judgeBirth } from './judge.ts';

/** `report`: an event, the audit log and the device's view say so. `quarantine`: the device is refused besides. */
export type ClonePolicy = 'report' | 'quarantine';

/** Copies of a device's identity: found by what they say, told once an hour. */
export interface Clones {
  /** To be called with each birth, in its transaction, before its place in the sequence is noted. */
  birth(tx: Tx, device: string, birth: Birth): Promise<void>;
  /** A certificate was shown that a later one has replaced. */
  superseded(device: string, message: string): Promise<void>;
  /** After a commit: ends the connections of those that went into quarantine. */
  settle(devices: ReadonlySet<string>): void;
}

interface Sign {
  evidence: 'returned-boot' | 'sequence-back' | 'superseded-certificate';
  message: string;
}

const repeatMs = 3_600_000;

export function createClones(options: {
  storage: Storage;
  clock: Clock;
  policy: ClonePolicy;
  disconnect: (device: string) => void;
}): Clones {
  const { storage, clock, policy, disconnect } = options;
  const quarantined = new Set<string>();
  const note = async (tx: Tx, device: string, sign: Sign) => {
    const isNew = await noteClone(tx, device, sign, policy, clock.now());
    if (isNew && policy === 'quarantine') quarantined.add(device);
  };
  const settle = (devices: ReadonlySet<string>) => {
    for (const device of devices) if (quarantined.delete(device)) disconnect(device);
  };
  return {
    birth: async (tx, device, birth) => {
      const { boots, wentBackAt } = await bootsOf(tx, device);
      const { clone, wentBack } = judgeBirth(
        { boots, wentBackAt, upTo: await upToOf(tx, device) },
        birth,
        clock.now(),
      );
      if (!boots.includes(birth.bootId)) await addBoot(tx, device, birth.bootId, wentBack, clock.now());
      if (clone) return note(tx, device, clone);
      if (wentBack) await writeEvent(tx, device, 'outbox-went-back', wentBackWords, clock.now());
    },
    superseded: async (device, message) => {
      await storage.transaction((tx) => note(tx, device, { evidence: 'superseded-certificate', message }));
      settle(new Set([device]));
    },
    settle,
  };
}

const wentBackWords =
  'its messages are numbered anew from an earlier state: it lost its outbox, was restored from a backup, or was copied';

/** False: nobody knows the device, or it was told within the hour. */
async function noteClone(
  tx: Tx,
  device: string,
  sign: Sign,
  policy: ClonePolicy,
  now: number,
): Promise<boolean> {
  const row = await tx
    .selectFrom('devices')
    .select(['clone', 'refusal'])
    .where('id', '=', device)
    .executeTakeFirst();
  if (!row || row.refusal !== null) return false;
  const last = row.clone === null ? undefined : (JSON.parse(row.clone) as { at: number });
  const isToQuarantine = policy === 'quarantine';
  if (last && now - last.at < repeatMs && !isToQuarantine) return false;
  await tx
    .updateTable('devices')
    .set({
      clone: JSON.stringify({ at: now, ...sign }),
      ...(isToQuarantine && { refusal: 'quarantined' as const, revoked_at: now, online: 0 }),
    })
    .where('id', '=', device)
    .execute();
  await writeEvent(tx, device, 'clone-detected', sign.message, now);
  const entry = { at: now, actor: 'system', action: 'device.clone', subject: `device:${device}` };
  await writeAudit(tx, { ...entry, detail: { ...sign, policy } });
  return true;
}

async function writeEvent(db: Db, device: string, kind: string, message: string, at: number): Promise<void> {
  const event = { device, at, kind, message, model: null, version: null };
  await db.insertInto('events').values(event).execute();
}

async function bootsOf(tx: Tx, device: string): Promise<{ boots: string[]; wentBackAt: number | null }> {
  const rows = await tx.selectFrom('boots').selectAll().where('device', '=', device).orderBy('id').execute();
  const wentBack = rows.filter((row) => row.went_back === 1);
  return { boots: rows.map((row) => row.boot_id), wentBackAt: wentBack.at(-1)?.at ?? null };
}

async function addBoot(tx: Tx, device: string, bootId: string, wentBack: boolean, at: number): Promise<void> {
  await tx
    .insertInto('boots')
    .values({ device, boot_id: bootId, at, went_back: wentBack ? 1 : 0 })
    .execute();
  const newest = tx
    .selectFrom('boots')
    .select('id')
    .where('device', '=', device)
    .orderBy('id', 'desc')
    .limit(bootsKept);
  await tx.deleteFrom('boots').where('device', '=', device).where('id', 'not in', newest).execute();
}

/** What the machine that has the id now has said; one that took it over may be another, and then counts from the beginning. */
async function upToOf(tx: Tx, device: string): Promise<number> {
  const row = await tx
    .selectFrom('sequences')
    .innerJoin('devices', 'devices.id', 'sequences.device')
    .select('up_to')
    .where('device', '=', device)
    .where('birth', 'is not', null)
    .executeTakeFirst();
  return row?.up_to ?? 0;
}
