import type { Event, Log, Metrics, Reported, Sequenced, Summary } from '@covey/protocol';
import { encodeTelemetry } from '@covey/protocol/telemetry';

/** Kinds by the byte that stands for them in a frame: the order is part of the format. */
export const outKinds = ['reported', 'event', 'metrics', 'summary', 'log'] as const;
export type OutKind = (typeof outKinds)[number];

type Plain<T> = Omit<T, '$typeName' | '$unknown'>;
type Stretch = Plain<NonNullable<Event['dropped']>>;

/** What goes through the outbox. `dropped` is an event that says which messages will never come. */
export type OutMessage =
  | { kind: 'reported'; reported: Reported }
  | { kind: 'event'; event: { kind: string; message: string; model?: string; version?: string } }
  | { kind: 'dropped'; dropped: Stretch }
  | { kind: 'metrics'; metrics: Metrics }
  | { kind: 'summary'; summary: Summary }
  | { kind: 'log'; log: Plain<Log> };

export function outKindOf(message: OutMessage): OutKind {
  return message.kind === 'dropped' ? 'event' : message.kind;
}

/** The payload as it goes on the wire. */
export async function encodeMessage(message: OutMessage, sequenced: Sequenced): Promise<Uint8Array> {
  if (message.kind === 'reported') {
    return Buffer.from(JSON.stringify({ ...sequenced, reported: message.reported }));
  }
  const { seq, bootId, at: atMs } = sequenced;
  return encodeTelemetry({ seq: BigInt(seq), bootId, atMs, body: bodyOf(message) });
}

function bodyOf(
  message: Exclude<OutMessage, { kind: 'reported' }>,
): NonNullable<Parameters<typeof encodeTelemetry>[0]['body']> {
  switch (message.kind) {
    case 'event':
      return { case: 'event', value: message.event };
    case 'dropped': {
      const { from, to, kind, count } = message.dropped;
      const text = `${count} messages of kind ${kind} were dropped`;
      return { case: 'event', value: { kind: 'dropped', message: text, dropped: { from, to, kind, count } } };
    }
    case 'metrics':
      return { case: 'metrics', value: message.metrics };
    case 'summary':
      return { case: 'summary', value: message.summary };
    case 'log':
      return { case: 'log', value: message.log };
  }
}
