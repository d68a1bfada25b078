import type { Sequenced } from '@covey/protocol';
import type { Db, Tx } from '../storage/index.ts';
import type { Message, TelemetryBody } from './decode.ts';
import type { IngestHandlers } from './handlers.ts';
import { born, died, dropped, noSequences, received, type Sequences } from './sequences.ts';

/** What is left to do, after the commit, about a message that was applied. */
export interface Outcome {
  receipt: boolean;
  desired: boolean;
  isDuplicate: boolean;
  /** Messages of the device given up for lost. */
  lost: number;
}

const nothing: Outcome = { receipt: false, desired: false, isDuplicate: false, lost: 0 };

/** The message's effect and its place in the sequence, in one transaction. */
export async function apply(
  tx: Tx,
  handlers: IngestHandlers,
  device: string,
  message: Message,
): Promise<Outcome> {
  const before = await loadSequences(tx, device);
  switch (message.kind) {
    case 'birth': {
      const { bootId, nextSeq } = message.birth;
      await handlers.birth(tx, device, message.birth);
      await saveSequences(tx, device, born(before, bootId, nextSeq));
      return { ...nothing, receipt: true, desired: true };
    }
    case 'death':
      if (message.death.bootId !== before.bootId) return nothing;
      await handlers.death(tx, device, message.death);
      await saveSequences(tx, device, died(before));
      return nothing;
    case 'get':
      await handlers.get(tx, device, message.generation);
      return { ...nothing, desired: true };
    default: {
      const { next, isDuplicate, lost } = received(before, message.sent);
      if (isDuplicate && next.rebirth === before.rebirth) return { ...nothing, receipt: true, isDuplicate };
      const desired = !isDuplicate && (await applySequenced(tx, handlers, device, message));
      await saveSequences(tx, device, withoutDropped(next, message));
      return { receipt: true, desired, isDuplicate, lost };
    }
  }
}

type SequencedMessage = Extract<Message, { sent: Sequenced }>;

async function applySequenced(
  tx: Tx,
  handlers: IngestHandlers,
  device: string,
  message: SequencedMessage,
): Promise<boolean> {
  if (message.kind === 'reported') return handlers.reported(tx, device, message.reported);
  if (message.kind === 'telemetry') await applyTelemetry(tx, handlers, device, message.body, message.sent);
  return false;
}

function applyTelemetry(
  tx: Tx,
  handlers: IngestHandlers,
  device: string,
  body: TelemetryBody,
  sent: Sequenced,
): Promise<void> {
  switch (body.case) {
    case 'metrics':
      return handlers.metrics(tx, device, body.value, sent);
    case 'summary':
      return handlers.summary(tx, device, body.value, sent);
    case 'event':
      return handlers.event(tx, device, body.value, sent);
    case 'log':
      return handlers.log(tx, device, body.value, sent);
  }
}

/**
 * A record of evicted messages settles its stretch, when it is a whole one: of a stretch with gaps (count below its width)
 * nobody can say which of its numbers are still to come.
 */
function withoutDropped(sequences: Sequences, message: SequencedMessage): Sequences {
  if (message.kind !== 'telemetry' || message.body.case !== 'event') return sequences;
  const record = message.body.value.dropped;
  if (!record) return sequences;
  const [from, to] = [Number(record.from), Number(record.to)];
  const isWhole = from >= 1 && to >= from && to < message.sent.seq && record.count === to - from + 1;
  return isWhole ? dropped(sequences, from, to) : sequences;
}

/** At the start nobody is connected: whoever is heard without a birth is asked for one. */
export async function forgetBoots(db: Db): Promise<void> {
  await db.updateTable('sequences').set({ boot_id: null }).where('boot_id', 'is not', null).execute();
}

async function loadSequences(tx: Tx, device: string): Promise<Sequences> {
  const row = await tx.selectFrom('sequences').selectAll().where('device', '=', device).executeTakeFirst();
  if (!row) return noSequences;
  return {
    upTo: row.up_to,
    missing: JSON.parse(row.missing),
    bootId: row.boot_id,
    rebirth: row.rebirth === 1,
  };
}

async function saveSequences(tx: Tx, device: string, sequences: Sequences): Promise<void> {
  const row = {
    up_to: sequences.upTo,
    missing: JSON.stringify(sequences.missing),
    boot_id: sequences.bootId,
    rebirth: sequences.rebirth ? 1 : 0,
  };
  await tx
    .insertInto('sequences')
    .values({ device, ...row })
    .onConflict((conflict) => conflict.column('device').doUpdateSet(row))
    .execute();
}
