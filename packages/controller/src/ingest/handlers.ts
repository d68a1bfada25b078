import type { Birth, Death, Event, Log, Metrics, Reported, Sequenced, Summary } from '@covey/protocol';
import type { Tx } from '../storage/index.ts';

export type ReportedMessage = Sequenced & { reported: Reported };

/**
 * What the rooms do with messages: each is called once per message, in the transaction that also notes its sequence number.
 * A handler writes through `tx` and has no other effect (the transaction may be rolled back and run again); what is to
 * happen after the commit goes into `IngestOptions.onCommitted`.
 * A CoveyError with a status below 500 refuses the message for good; anything else leaves it to be sent again.
 */
export interface IngestHandlers {
  birth(tx: Tx, device: string, birth: Birth): Promise<void>;
  /** Only for the boot that is current: a late will of an earlier one is dropped before. */
  death(tx: Tx, device: string, death: Death): Promise<void>;
  /** True: what is wanted of the device was set anew, and goes out after the commit. */
  reported(tx: Tx, device: string, message: ReportedMessage): Promise<boolean>;
  metrics(tx: Tx, device: string, metrics: Metrics, sent: Sequenced): Promise<void>;
  summary(tx: Tx, device: string, summary: Summary, sent: Sequenced): Promise<void>;
  event(tx: Tx, device: string, event: Event, sent: Sequenced): Promise<void>;
  log(tx: Tx, device: string, log: Log, sent: Sequenced): Promise<void>;
  /** The device asks for its desired state and has `generation`; the answer is sent after the commit. */
  get(tx: Tx, device: string, generation: number): Promise<void>;
}
