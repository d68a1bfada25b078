import type { Log } from '@covey/ports';
import { type CoveyError, toCoveyError, type UpKind } from '@covey/protocol';
import type { RefusalAudit } from '../audit/index.ts';
import type { Outbox } from '../outbox/index.ts';
import type { Storage } from '../storage/index.ts';
import { apply, type Outcome } from './apply.ts';
import { decode, type Message } from './decode.ts';
import type { IngestHandlers } from './handlers.ts';

export interface IngestOptions {
  storage: Storage;
  outbox: Pick<Outbox, 'wantReceipt' | 'wantDesired'>;
  refusals: Pick<RefusalAudit, 'refused'>;
  log: Log;
  handlers: IngestHandlers;
  /** After each commit, with the devices that had messages in it. */
  onCommitted: (devices: ReadonlySet<string>) => void;
}

/** Messages since the start, by what became of them. */
export interface IngestCounts {
  accepted: number;
  duplicate: number;
  /** Malformed, or refused by a handler: audited, and settled. */
  refused: number;
  /** Could not be stored; the device sends them again. */
  failed: number;
  /** Given up: too many were missing at a time. */
  lost: number;
}

export interface Ingest {
  /** For `Bus.onMessage`. Resolves when the message is stored or refused; never rejects. Per device, call it again only then. */
  receive(device: string, kind: UpKind, payload: Uint8Array): Promise<void>;
  counts(): Readonly<IngestCounts>;
}

interface Pending {
  device: string;
  kind: UpKind;
  message: Message;
  settled: PromiseWithResolvers<void>;
}

/** Messages that share one transaction and so one sync of the disk. */
const messagesPerTransaction = 256;

/** Messages that wait while a transaction runs go into the next one together. What waits is bounded by one message a device. */
export function createIngest(options: IngestOptions): Ingest {
  const { storage, refusals, log, handlers, onCommitted } = options;
  const counts: IngestCounts = { accepted: 0, duplicate: 0, refused: 0, failed: 0, lost: 0 };
  const waiting: Pending[] = [];
  let draining = false;

  const refuse = (device: string, kind: string, { code, message }: CoveyError) => {
    counts.refused++;
    refusals.refused(device, 'message.refused', { kind, code, message });
  };
  const finish = (batch: readonly Pending[], outcomes: readonly Outcome[]) => {
    outcomes.forEach((outcome, index) => {
      const pending = batch[index];
      if (pending) settle(options, counts, pending, outcome);
      if (pending?.message.kind === 'refused')
        refuse(pending.device, pending.message.of, pending.message.error);
    });
    try {
      onCommitted(new Set(batch.map(({ device }) => device)));
    } catch (error) {
      log.write('error', 'a hook after the commit failed', { ...toCoveyError(error).toJSON() });
    }
  };
  const store = async (batch: readonly Pending[]) => {
    const outcomes = await storage.transaction(async (tx) => {
      const applied: Outcome[] = [];
      for (const { device, message } of batch) applied.push(await apply(tx, handlers, device, message));
      return applied;
    });
    finish(batch, outcomes);
  };
  /** Alone, so that one message that cannot be stored takes no other with it. */
  const storeAlone = async (pending: Pending) => {
    const { device, kind, message } = pending;
    try {
      await store([pending]);
    } catch (thrown) {
      const error = toCoveyError(thrown);
      if (error.status < 500 && 'sent' in message && message.kind !== 'refused') {
        await storeAlone({ ...pending, message: { kind: 'refused', of: kind, sent: message.sent, error } });
      } else if (error.status < 500) refuse(device, kind, error);
      else {
        counts.failed++;
        log.write('error', 'cannot store a message', { device, kind, ...error.toJSON() });
      }
    }
  };
  const drain = async () => {
    if (draining) return;
    draining = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, messagesPerTransaction);
      await store(batch).catch(async () => {
        for (const pending of batch) await storeAlone(pending);
      });
      for (const { settled } of batch) settled.resolve();
    }
    draining = false;
  };
  return {
    receive: async (device, kind, payload) => {
      try {
        const message = await decode(kind, payload);
        const settled = Promise.withResolvers<void>();
        waiting.push({ device, kind, message, settled });
        void drain();
        await settled.promise;
      } catch (error) {
        refuse(device, kind, toCoveyError(error));
      }
    },
    counts: () => ({ ...counts }),
  };
}

function settle(
  { outbox, log }: IngestOptions,
  counts: IngestCounts,
  pending: Pending,
  outcome: Outcome,
): void {
  const { device, message } = pending;
  if (outcome.isDuplicate) counts.duplicate++;
  else if (message.kind !== 'refused') counts.accepted++;
  if (outcome.lost > 0) {
    counts.lost += outcome.lost;
    log.write('warn', 'messages of a device are given up for lost', { device, lost: outcome.lost });
  }
  if (outcome.receipt) outbox.wantReceipt(device);
  if (outcome.desired) outbox.wantDesired(device);
}
