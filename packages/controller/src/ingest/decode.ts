import {
  type Birth,
  BirthSchema,
  CoveyError,
  checkDocument,
  type Death,
  DeathSchema,
  GetSchema,
  parseDocument,
  parseJson,
  ReportedMessageSchema,
  type Sequenced,
  SequencedSchema,
  type Telemetry,
  toCoveyError,
  type UpKind,
} from '@covey/protocol';
import { decodeTelemetry } from '@covey/protocol/telemetry';
import type { ReportedMessage } from './handlers.ts';
import { checkTelemetryBody } from './telemetry.ts';

export type TelemetryBody = Extract<Telemetry['body'], { case: string }>;

/** A message in the shape in which it has its effect. */
export type Message =
  | { kind: 'birth'; birth: Birth }
  | { kind: 'death'; death: Death }
  | { kind: 'get'; generation: number }
  | { kind: 'reported'; sent: Sequenced; reported: ReportedMessage }
  | { kind: 'telemetry'; sent: Sequenced; body: TelemetryBody }
  /** Its number could be read and the rest was wrong: it counts as arrived, or the device would send it for ever. */
  | { kind: 'refused'; of: UpKind; sent: Sequenced; error: CoveyError };

/** Decodes and checks everything. Errors: WIRE_*, INVALID_DOCUMENT, PAYLOAD_TOO_LARGE when not even the number is readable. */
export async function decode(kind: UpKind, payload: Uint8Array): Promise<Message> {
  switch (kind) {
    case 'birth':
      return { kind, birth: parseDocument(BirthSchema, payload, kind) };
    case 'death':
      return { kind, death: parseDocument(DeathSchema, payload, kind) };
    case 'get':
      return { kind, generation: parseDocument(GetSchema, payload, kind).generation };
    case 'reported': {
      const document = parseJson(payload, kind);
      const sent = checkDocument(SequencedSchema, document, kind);
      return unlessRefused(kind, sent, () => {
        // Absent keys and keys that hold undefined are the same on the wire.
        const reported = checkDocument(ReportedMessageSchema, document, kind) as ReportedMessage;
        return { kind, sent, reported };
      });
    }
    default:
      return decodeTelemetryMessage(kind, payload);
  }
}

async function decodeTelemetryMessage(kind: TelemetryBody['case'], payload: Uint8Array): Promise<Message> {
  const { seq, bootId, atMs, body } = await decodeTelemetry(payload);
  const sent = checkDocument(SequencedSchema, { seq: Number(seq), bootId, at: Math.floor(atMs) }, kind);
  return unlessRefused(kind, sent, () => {
    if (body.case !== kind)
      throw new CoveyError('INVALID_DOCUMENT', `${kind}: holds ${body.case ?? 'nothing'} instead`);
    checkTelemetryBody(body);
    return { kind: 'telemetry', sent, body };
  });
}

function unlessRefused(of: UpKind, sent: Sequenced, build: () => Message): Message {
  try {
    return build();
  } catch (error) {
    return { kind: 'refused', of, sent, error: toCoveyError(error) };
  }
}
