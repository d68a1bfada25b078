import type { Clock, Log } from '@covey/ports';
import type { Bus } from '../bus/index.ts';
import type { Storage } from '../storage/index.ts';

/** What is to be sent to devices. It remembers only whom; what to send is read from storage at that moment, so a crash loses nothing. */
export interface Outbox {
  /** Sends a receipt soon; many wishes within 200 ms become one. Call after the commit. */
  wantReceipt(device: string): void;
  /** Sends the desired state, when there is one. Call after the commit. */
  wantDesired(device: string): void;
  /** Sends nothing more and waits for what is being sent. */
  stop(): Promise<void>;
}

export declare function createOutbox(options: { storage: Storage; bus: Bus; clock: Clock; log: Log }): Outbox;
