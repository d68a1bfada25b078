import type { Log } from '@covey/ports';
import type { Bus, Refusal } from './bus.ts';

export interface EmbeddedBusOptions {
  host: string;
  /** 0 for any free port. */
  port: number;
  /** PEM texts: the CA that signs devices, the server's certificate and key. */
  tls: { ca: string; certificate: string; key: string };
  /** Whether this certificate (serial in lower-case hex) of this device is no longer, or never was, good. */
  isRevoked: (device: string, certificateSerial: string) => Promise<boolean>;
  onRefusal: (refusal: Refusal) => void;
  log: Log;
  limits?: Partial<BusLimits>;
}

export interface BusLimits {
  /** Open connections at a time. */
  connections: number;
  /** From accepting the connection to a complete CONNECT. */
  connectTimeoutMs: number;
  /** How long a device may leave its receive buffer full. */
  drainTimeoutMs: number;
  /** Bytes waiting to be sent to one device. */
  backlogBytes: number;
  /** Longest keepalive a device may ask for. */
  keepaliveSeconds: number;
}

export declare function embeddedBus(options: EmbeddedBusOptions): Bus;
