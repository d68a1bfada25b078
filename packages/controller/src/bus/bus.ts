import type { DownKind, UpKind } from '@covey/protocol';

/** Called in order per device, one at a time; the device is read no further until it resolves. Never rejects. */
export type MessageHandler = (device: string, kind: UpKind, payload: Uint8Array) => Promise<void>;

/** Messages between the controller and its devices. Delivery is not promised in either direction: receipts and asking again make up for loss. */
export interface Bus {
  /** Errors: PORT_IN_USE. */
  start(): Promise<{ port: number }>;
  /** Ends every connection and waits for messages being handled. */
  stop(): Promise<void>;
  /** To be called once, before `start`. */
  onMessage(handler: MessageHandler): void;
  /** Sends when the device is connected and subscribed, else does nothing: devices ask on connect. */
  publish(device: string, kind: DownKind, payload: Uint8Array): Promise<void>;
  /** Whether the device has a connection that was accepted. */
  isConnected(device: string): boolean;
  /** Ends every connection of the device, at once and without a word. */
  disconnect(device: string): void;
}

export type RefusalReason =
  | 'handshake'
  | 'connections'
  | 'connect-timeout'
  | 'client-id'
  | 'certificate'
  | 'revoked'
  | 'quarantined'
  | 'superseded'
  | 'persistent-session'
  | 'will'
  | 'publish'
  | 'subscribe'
  | 'forward'
  | 'packet-size'
  | 'malformed'
  | 'frozen';

/** Something that a connection asked for and did not get. */
export interface Refusal {
  /** Common name of the certificate; null when there was none yet. */
  device: string | null;
  /** Remote IP address. */
  address: string;
  reason: RefusalReason;
  /** In the user's words. */
  detail: string;
}
