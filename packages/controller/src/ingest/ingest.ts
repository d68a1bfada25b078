import type { Clock, Log } from '@covey/ports';
import type { UpKind } from '@covey/protocol';
import type { RefusalAudit } from '../audit/index.ts';
import type { Outbox } from '../outbox/index.ts';
import type { Storage } from '../storage/index.ts';
import type { IngestHandlers } from './handlers.ts';

export interface IngestOptions {
  storage: Storage;
  outbox: Outbox;
  refusals: RefusalAudit;
  clock: Clock;
  log: Log;
  handlers: IngestHandlers;
  /** After each commit, with the devices that had messages in it. */
  onCommitted: (devices: ReadonlySet<string>) => void;
}

export interface Ingest {
  /** For `Bus.onMessage`. Resolves when the message is stored or refused; never rejects. */
  receive(device: string, kind: UpKind, payload: Uint8Array): Promise<void>;
}

export declare function createIngest(options: IngestOptions): Ingest;
