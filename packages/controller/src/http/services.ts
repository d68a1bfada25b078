import type { Clock, Log } from '@covey/ports';
import type { Upgrade } from '../bus/index.ts';
import type { Changes } from '../changes/index.ts';
import type { DeliveryMeter } from '../delivery/index.ts';
import type { EnrolmentUrls, Identity } from '../identity/index.ts';
import type { Links } from '../links/index.ts';
import type { Registry } from '../registry/index.ts';
import type { Rollouts } from '../rollouts/index.ts';
import type { Storage } from '../storage/index.ts';
import type { Transfers } from '../transfers/index.ts';
import type { Trust } from '../trust/index.ts';

/** What the admin API stands on. */
export interface AdminServices {
  storage: Storage;
  clock: Clock;
  log: Log;
  registry: Registry;
  rollouts: Rollouts;
  links: Links;
  changes: Changes;
  transfers: Pick<Transfers, 'sizeOf'>;
  trust: Trust;
  identity: Pick<
    Identity,
    | 'adminToken'
    | 'authority'
    | 'caPem'
    | 'createToken'
    | 'enrol'
    | 'listTokens'
    | 'refuse'
    | 'revokeToken'
    | 'rotate'
  >;
  /** Ends a device's connections. */
  disconnect: (device: string) => void;
  /** Addresses as devices reach them; known when everything listens. */
  urls: () => EnrolmentUrls & { adminUrl: string };
  version: string;
}

/** What devices fetch over HTTP. */
export interface DeviceServices {
  registry: Pick<Registry, 'manifestBytes' | 'chunk'>;
  transfers: Pick<Transfers, 'get'>;
  trust: Pick<Trust, 'file'>;
  delivery: DeliveryMeter;
  identity: Pick<Identity, 'caPem' | 'check' | 'renew'>;
  /** Whether the device's MQTT session is up. */
  isOnline: (device: string) => boolean;
  /** MQTT over WebSocket. */
  upgrade: Upgrade;
  clock: Clock;
  log: Log;
}
