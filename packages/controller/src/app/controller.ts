import { join } from 'node:path';
import type { Ports } from '@covey/ports';
import { toCoveyError } from '@covey/protocol';
import { embeddedBus } from '../bus/index.ts';
import type { ClonePolicy } from '../clones/index.ts';
import { createDeliveryMeter } from '../delivery/index.ts';
import { type DeviceAuthorityOptions, openIdentity } from '../identity/index.ts';
import { claimDataFolder, openStorage } from '../storage/index.ts';
import { createTransfers } from '../transfers/index.ts';
import { createTrust, openOnlineKey } from '../trust/index.ts';
import { type AddCleanup, createCleanups } from './cleanups.ts';
import { createDomain } from './domain.ts';
import { openListeners } from './listeners.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Beside the versions: a day's rollouts of models of 100 MB take a part of it. */
const transferQuotaBytes = 4 * 1024 ** 3;

export interface ControllerOptions {
  ports: Pick<Ports, 'clock' | 'random' | 'disk' | 'log'>;
  /** The controller's own data folder, absolute; made when absent. */
  folder: string;
  /** Port 0 takes any free one; the same port for admin and devices: one listener serves both. */
  listen: { host: string; adminPort: number; mqttPort: number; devicePort: number };
  /** Host names and addresses by which devices reach the controller; the first is the one they are told. */
  names: string[];
  /** An enterprise's own authority for devices' certificates. */
  deviceAuthority?: DeviceAuthorityOptions;
  /** What follows when two machines use the identity of one device; default: it is reported. */
  clonePolicy?: ClonePolicy;
  /** Shown at /healthz. */
  version: string;
}

export interface Addresses {
  /** https://, for the admin API, enrolment and the documentation. */
  adminUrl: string;
  /** https://, for devices' downloads. */
  deviceUrl: string;
  /** mqtts:// */
  mqttUrl: string;
}

export interface Controller {
  /** Once. Errors: PORT_IN_USE, DATA_FOREIGN, DATA_NEWER, DATA_CORRUPT, DATA_LOCKED, DISK_FULL; nothing is left running then. */
  start(): Promise<Addresses>;
  /** Ends everything in reverse order, in bounded time; again does nothing. */
  stop(): Promise<void>;
}

export function createController(options: ControllerOptions): Controller {
  const { clock } = options.ports;
  const cleanups = createCleanups({ clock, log: options.ports.log.component('controller') });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= cleanups.run();
    return stopping;
  };
  return {
    start: async () => {
      try {
        return await startAll(options, cleanups.add);
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}

/** Everything is ready before the first socket opens, and the admin API, from which others begin, is the last. */
async function startAll(options: ControllerOptions, onStop: AddCleanup): Promise<Addresses> {
  const { ports, folder } = options;
  const { clock, disk } = ports;
  const log = ports.log.component('controller');
  await claimDataFolder(disk, folder);
  const storage = await openStorage({
    file: join(folder, 'covey.db'),
    blobFolder: join(folder, 'blobs'),
    disk,
  });
  onStop('storage', () => storage.close());
  const trust = createTrust({ storage, clock, signer: await openOnlineKey(disk, folder) });
  const identity = await openIdentity({ ...options, ...ports, storage, trust });
  const bus = embeddedBus({
    host: options.listen.host,
    port: options.listen.mqttPort,
    tls: identity.server,
    identity,
    onRefusal: ({ device, reason, ...detail }) => domain.refusals.refused(device, `bus.${reason}`, detail),
    log,
  });
  const transfers = createTransfers({ storage, clock, log, quotaBytes: transferQuotaBytes });
  const domain = createDomain({
    ports,
    storage,
    bus,
    trust,
    clonePolicy: options.clonePolicy ?? 'report',
    disconnect: (id) => listeners.disconnect(id),
    tasks: [
      { name: "renewing the server's certificate", intervalMs: dayMs, run: identity.renewServer },
      { name: 'removing transfers', intervalMs: hourMs, run: transfers.collect },
    ],
  });
  identity.onSuperseded((id, message) => {
    domain.clones
      .superseded(id, message)
      .catch((error) => log.write('error', 'cannot note a clone', { ...toCoveyError(error).toJSON() }));
  });
  onStop('domain', () => domain.stop());
  await domain.start();
  onStop('transfers', () => transfers.stop());
  const { version } = options;
  const delivery = createDeliveryMeter({ storage, clock });
  const services = { ...domain, storage, clock, log, identity, transfers, delivery, bus, version };
  const listeners = await openListeners(options, services, onStop);
  // Who waits for changes would keep the admin server from closing.
  onStop('waiting requests', async () => domain.changes.stop());
  return listeners.addresses;
}
