import type { Clock } from '@covey/ports';
import type { Allowance, Tags } from '@covey/protocol';
import { desiredOf } from '../fleet/index.ts';
import type { Storage } from '../storage/index.ts';
import { type Answer, allowed, type Sent, sentOn } from './allowance.ts';

/** Keeps what sites and rollouts may fetch: counts what goes to devices, and sets the pace. */
export interface DeliveryMeter {
  /** How many of `wantedBytes` may go to the device now; they are counted as sent. */
  admit(device: string, wantedBytes: number): Promise<Answer>;
  /** How long the device's next bytes have to wait for the pace of its site and rollout; they are on their way then. */
  paceMs(device: string, bytes: number): Promise<number>;
  /** Whether anything is to be kept to. */
  isBounded(device: string): Promise<boolean>;
}

/** A site of a rollout, or all of it, as one device counts towards it. */
interface Account {
  key: string;
  who: string;
  allowance: Allowance;
}

/** At most so much is counted that does not arrive, when a connection breaks. */
const stretchBytes = 256 * 1024;

export function createDeliveryMeter({ storage, clock }: { storage: Storage; clock: Clock }): DeliveryMeter {
  const nextAtMs = new Map<string, number>();
  const accounts = (device: string) => accountsOf(storage, device);
  return {
    isBounded: async (device) => (await accounts(device)).length > 0,
    admit: async (device, wantedBytes) => {
      const open = await accounts(device);
      if (open.length === 0) return { bytes: wantedBytes };
      return storage.transaction(async (tx) => {
        const now = clock.now();
        let bytes = Math.min(wantedBytes, stretchBytes);
        const sent = new Map<string, Sent>();
        for (const { key, who, allowance } of open) {
          const row = await tx
            .selectFrom('deliveries')
            .selectAll()
            .where('account', '=', key)
            .executeTakeFirst();
          const before = sentOn(row && { bytes: row.bytes, day: row.day, todayBytes: row.today_bytes }, now);
          const answer = allowed(allowance, before, who, now);
          if (!('bytes' in answer)) return answer;
          bytes = Math.min(bytes, answer.bytes);
          sent.set(key, before);
        }
        for (const [account, before] of sent) {
          const row = {
            bytes: before.bytes + bytes,
            day: before.day,
            today_bytes: before.todayBytes + bytes,
          };
          await tx
            .insertInto('deliveries')
            .values({ account, ...row })
            .onConflict((conflict) => conflict.column('account').doUpdateSet(row))
            .execute();
        }
        return { bytes };
      });
    },
    paceMs: async (device, bytes) => {
      const now = clock.monotonicMs();
      let waitMs = 0;
      for (const { key, allowance } of await accounts(device)) {
        if (allowance.bytesPerSecond === undefined) continue;
        const atMs = Math.max(now, nextAtMs.get(key) ?? 0);
        nextAtMs.set(key, atMs + (bytes * 1_000) / allowance.bytesPerSecond);
        waitMs = Math.max(waitMs, atMs - now);
      }
      return waitMs;
    },
  };
}

/** What the device's present order says of its site and its rollout. Without a tag `site` it counts towards none. */
async function accountsOf({ db }: Storage, device: string): Promise<Account[]> {
  const row = await db
    .selectFrom('devices')
    .select(['tags', 'desired'])
    .where('id', '=', device)
    .executeTakeFirst();
  const desired = row && desiredOf(row);
  if (!row || !desired?.delivery) return [];
  const { delivery, setBy } = desired;
  const { site } = JSON.parse(row.tags) as Tags;
  const accounts: Account[] = [{ key: setBy.id, who: setBy.id, allowance: delivery.rollout }];
  if (site !== undefined)
    accounts.push({ key: `${setBy.id}/${site}`, who: `site ${site}`, allowance: delivery.site });
  return accounts.filter(({ allowance }) => Object.keys(allowance).length > 0);
}
