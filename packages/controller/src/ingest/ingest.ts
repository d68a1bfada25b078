import type { Log } from '@covey/ports';
import { type CoveyError, toCoveyError, type UpKind } from '@covey/protocol';
import type { RefusalAudit } from '../audit/index.ts';
import type { Outbox } from '../outbox/index.ts';
import type { Storage } from '../storage/index.ts';
import { apply, type Outcome } from './apply.ts';
import { createBatches } from './batches.ts';
import { decode, type Message } from './decode.ts';
import type { IngestHandlers } from './handlers.ts';

interface Pending {
  device: string;
  kind: UpKind;
  message: Message;
}

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

/** What arrives while a transaction runs shares the next one; what waits is bounded by one message a device. */
export function createIngest(options: IngestOptions): Ingest {
  const counts: IngestCounts = { accepted: 0, duplicate: 0, refused: 0, failed: 0, lost: 0 };
  const refuse = (device: string, kind: string, { code, message }: CoveyError) => {
    counts.refused++;
    options.refusals.refused(device, 'message.refused', { kind, code, message });
  };
  const storing = createBatches<Pending>((batch) => store(options, counts, refuse, batch), {
    onFailure: async (pending, thrown) => {
      const { device, kind, message } = pending;
      const error = toCoveyError(thrown);
      if (error.status >= 500) {
        counts.failed++;
        options.log.write('error', 'cannot store a message', { device, kind, ...error.toJSON() });
      } else if ('sent' in message && message.kind !== 'refused') {
        await storing.put({
          device,
          kind,
          message: { kind: 'refused', of: kind, sent: message.sent, error },
        });
      } else refuse(device, kind, error);
    },
  });
  return {
    receive: async (device, kind, payload) => {
      try {
        await storing.put({ device, kind, message: await decode(kind, payload) });
      } catch (error) {
        refuse(device, kind, toCoveyError(error));
      }
    },
    counts: () => ({ ...counts }),
  };
}

/** Everything in one transaction; afterwards, what is left to do. */
async function store(
  options: IngestOptions,
  counts: IngestCounts,
  refuse: (device: string, kind: string, error: CoveyError) => void,
  batch: readonly Pending[],
): Promise<void> {
  const { storage, handlers, onCommitted, log } = options;
  const outcomes = await storage.transaction(async (tx) => {
    const applied: [Pending, Outcome][] = [];
    for (const pending of batch)
      applied.push([pending, await apply(tx, handlers, pending.device, pending.message)]);
    return applied;
  });
  for (const [{ device, message }, outcome] of outcomes) {
    settle(options, counts, device, message, outcome);
    if (message.kind === 'refused') refuse(device, message.of, message.error);
  }
  try {
    onCommitted(new Set(batch.map(({ device }) => device)));
  } catch (error) {
    log.write('error', 'a hook after the commit failed', { ...toCoveyError(error).toJSON() });
  }
}

function settle(
  { outbox, log }: IngestOptions,
  counts: IngestCounts,
  device: string,
  message: Message,
  outcome: Outcome,
): void {
  if (outcome.isDuplicate) counts.duplicate++;
  else if (message.kind !== 'refused') counts.accepted++;
  if (outcome.lost > 0) {
    counts.lost += outcome.lost;
    log.write('warn', 'messages of a device are given up for lost', { device, lost: outcome.lost });
  }
  if (outcome.receipt) outbox.wantReceipt(device);
  if (outcome.desired) outbox.wantDesired(device);
}
