import { createHash } from 'node:crypto';
import type { Clock, Log, Timer } from '@covey/ports';
import { canonicalJson, type Desired, type DownKind, type Receipt, toCoveyError } from '@covey/protocol';
import type { Bus } from '../bus/index.ts';
import type { Db, Storage } from '../storage/index.ts';

/** What is to be sent to devices. It remembers only whom; what to send is read from storage at that moment, so a crash loses nothing. */
export interface Outbox {
  /** Sends a receipt soon; many wishes within 200 ms become one. Call after the commit. */
  wantReceipt(device: string): void;
  /** Sends the desired state and the way to the controller, when there is one. Call after the commit. */
  wantDesired(device: string): void;
  /** Sends nothing more and waits for what is being sent. */
  stop(): Promise<void>;
}

export interface OutboxOptions {
  storage: Storage;
  bus: Pick<Bus, 'publish'>;
  clock: Clock;
  log: Log;
}

const receiptIntervalMs = 200;
/** Devices read from storage with one statement. */
const devicesPerRead = 200;

/** Texts to send, by device; a device without one has nothing to be sent. */
type Read = (db: Db, devices: string[]) => Promise<Map<string, string>>;

export function createOutbox(options: OutboxOptions): Outbox {
  const receipts = createLane(options, 'receipt', receiptIntervalMs, readReceipts);
  const desired = createLane(options, 'desired', 0, (db, devices) =>
    readDesired(db, devices, options.clock.now()),
  );
  return {
    wantReceipt: receipts.want,
    wantDesired: desired.want,
    stop: async () => {
      await Promise.all([receipts.stop(), desired.stop()]);
    },
  };
}

interface Lane {
  want(device: string): void;
  stop(): Promise<void>;
}

/**
 * One kind of message: wishes gather for `delayMs` and are then read and sent together. A device whose last message is still
 * on its way waits for it, so a slow device holds one message and delays nobody else.
 */
function createLane(
  { storage, bus, clock, log }: OutboxOptions,
  kind: DownKind,
  delayMs: number,
  read: Read,
): Lane {
  const wanted = new Set<string>();
  const underWay = new Map<string, Promise<void>>();
  let timer: Timer | undefined;
  let flushing = Promise.resolve();
  let stopped = false;
  const report = (error: unknown) => {
    log.write('warn', `cannot send ${kind}`, { ...toCoveyError(error).toJSON() });
  };
  const schedule = () => {
    if (stopped || timer || wanted.size === 0) return;
    timer = clock.setTimer(delayMs, () => {
      timer = undefined;
      flushing = flushing.then(flush).catch(report);
    });
  };
  const send = (device: string, text: string) => {
    const sent = bus
      .publish(device, kind, new TextEncoder().encode(text))
      .catch(report)
      .finally(() => {
        underWay.delete(device);
        schedule();
      });
    underWay.set(device, sent);
  };
  const flush = async () => {
    const ready = [...wanted].filter((device) => !underWay.has(device)).slice(0, devicesPerRead);
    if (ready.length === 0 || stopped) return;
    for (const device of ready) wanted.delete(device);
    const texts = await read(storage.db, ready).catch((error) => {
      for (const device of ready) wanted.add(device);
      throw error;
    });
    for (const [device, text] of texts) send(device, text);
    if ([...wanted].some((device) => !underWay.has(device))) schedule();
  };
  return {
    want: (device) => {
      if (stopped) return;
      wanted.add(device);
      if (!underWay.has(device)) schedule();
    },
    stop: async () => {
      stopped = true;
      timer?.cancel();
      await flushing;
      await Promise.all(underWay.values());
    },
  };
}

const readReceipts: Read = async (db, devices) => {
  const rows = await db.selectFrom('sequences').selectAll().where('device', 'in', devices).execute();
  return new Map(
    rows.map((row) => {
      const receipt: Receipt = {
        upTo: row.up_to,
        missing: JSON.parse(row.missing),
        ...(row.rebirth === 1 && { rebirth: true }),
      };
      return [row.device, JSON.stringify(receipt)];
    }),
  );
};

async function readDesired(db: Db, devices: string[], now: number): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('devices')
    .select(['id', 'desired', 'link'])
    .where('id', 'in', devices)
    .where('revoked_at', 'is', null)
    .execute();
  return new Map(
    rows.flatMap(({ id, desired, link }) => {
      if (desired === null && link === null) return [];
      // Who ordered which model is the controller's own business.
      const { orders: _, ...document } = desired === null ? nothingDesired : JSON.parse(desired);
      return [[id, JSON.stringify({ ...document, ...(link !== null && { link: JSON.parse(link) }), now })]];
    }),
  );
}

/** For a device that nothing was ever ordered for, when it is told how to reach the controller: no device takes up generation 0. */
const nothingDesired: Omit<Desired, 'now'> = {
  generation: 0,
  release: { id: createHash('sha256').update(canonicalJson([])).digest('hex'), models: [] },
  soak: { minSamples: 1, maxDurationMs: 1, minAgreement: 0, maxErrorRate: 1 },
  setBy: { kind: 'operator', id: 'nobody' },
  setAt: 0,
};
