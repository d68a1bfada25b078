import type { Server } from 'node:https';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pemSigner } from '@covey/bundle/tuf';
import type { Ports } from '@covey/ports';
import { toCoveyError } from '@covey/protocol';
import { embeddedBus } from '../bus/index.ts';
import type { ClonePolicy } from '../clones/index.ts';
import { createDeliveryMeter } from '../delivery/index.ts';
import { createAdminServer, createDeviceServer, type Listener, listen } from '../http/index.ts';
import { type DeviceAuthorityOptions, openIdentity } from '../identity/index.ts';
import { claimDataFolder, openStorage } from '../storage/index.ts';
import { createTransfers } from '../transfers/index.ts';
import { createTrust, readOnlineKey } from '../trust/index.ts';
import { createCleanups } from './cleanups.ts';
import { createDomain } from './domain.ts';

const dayMs = 86_400_000;

export interface ControllerOptions {
  ports: Pick<Ports, 'clock' | 'random' | 'disk' | 'log'>;
  /** The controller's own data folder, absolute; made when absent. */
  folder: string;
  /** Port 0 takes any free one. */
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

type AddCleanup = (name: string, undo: () => Promise<void>) => void;

/** Everything is ready before the first socket opens, and the admin API, from which others begin, is the last. */
async function startAll(options: ControllerOptions, onStop: AddCleanup): Promise<Addresses> {
  const { ports, folder, names } = options;
  const { clock, random, disk } = ports;
  const log = ports.log.component('controller');
  await claimDataFolder(disk, folder);
  const storage = await openStorage({
    file: join(folder, 'covey.db'),
    blobFolder: join(folder, 'blobs'),
    disk,
  });
  onStop('storage', () => storage.close());
  const signer = pemSigner(await readOnlineKey(disk, folder));
  const trust = createTrust({ storage, clock, signer });
  const identity = await openIdentity({
    folder,
    names,
    storage,
    clock,
    random,
    disk,
    trust,
    ...(options.deviceAuthority && { deviceAuthority: options.deviceAuthority }),
  });
  const bus = embeddedBus({
    host: options.listen.host,
    port: options.listen.mqttPort,
    tls: identity.server,
    identity,
    onRefusal: ({ device, reason, ...detail }) => domain.refusals.refused(device, `bus.${reason}`, detail),
    log,
  });
  const daily = { name: "renewing the server's certificate", intervalMs: dayMs, run: identity.renewServer };
  const domain = createDomain({
    ports,
    storage,
    bus,
    trust,
    tasks: [daily],
    disconnect: (id) => disconnect(id),
    ...(options.clonePolicy && { clonePolicy: options.clonePolicy }),
  });
  identity.onSuperseded((id, message) => {
    domain.clones
      .superseded(id, message)
      .catch((error) => log.write('error', 'cannot note a clone', { ...toCoveyError(error).toJSON() }));
  });
  onStop('domain', () => domain.stop());
  await domain.start();
  onStop('bus', () => bus.stop());
  const mqttPort = (await bus.start()).port;
  const host = publicHost(options);
  const mqttUrl = `mqtts://${host}:${mqttPort}`;
  let devicePort = options.listen.devicePort;
  let adminPort = options.listen.adminPort;
  const urls = () => ({
    mqttUrl,
    deviceUrl: `https://${host}:${devicePort}`,
    adminUrl: `https://${host}:${adminPort}`,
  });
  const { registry } = domain;
  const isOnline = (id: string) => bus.isConnected(id);
  const transfers = createTransfers({ storage, clock, log });
  onStop('transfers', () => transfers.stop());
  const delivery = createDeliveryMeter({ storage, clock });
  const device = createDeviceServer(
    { registry, transfers, trust, delivery, identity, isOnline, upgrade: bus.upgrade, clock, log },
    identity.server,
  );
  devicePort = await serve(device.app, onStop, options, 'devicePort', 'device downloads');
  const services = {
    ...domain,
    ...{ storage, clock, log, identity, transfers, urls },
    version: options.version,
  };
  const disconnect = (id: string) => {
    bus.disconnect(id);
    device.disconnect(id);
  };
  const admin = await createAdminServer({ ...services, disconnect }, identity.server);
  adminPort = await serve(admin, onStop, options, 'adminPort', 'admin API');
  identity.onServerChange((tls) => {
    bus.changeTls(tls);
    const { ca, certificate: cert, key } = tls;
    for (const { server } of [device.app, admin])
      (server as Server).setSecureContext({ ca, cert, key, allowPartialTrustChain: true });
  });
  // Who waits for changes would keep the admin server from closing.
  onStop('waiting requests', async () => domain.changes.stop());
  return urls();
}

/** Devices may keep theirs, for MQTT over WebSocket. */
const maxConnections = { adminPort: 512, devicePort: 20_000 };

async function serve(
  server: Listener,
  onStop: AddCleanup,
  { listen: { host, ...ports } }: ControllerOptions,
  port: 'adminPort' | 'devicePort',
  purpose: string,
): Promise<number> {
  onStop(purpose, async () => {
    await server.close();
  });
  return listen(server, { host, port: ports[port], purpose, maxConnections: maxConnections[port] });
}

function publicHost({ names, listen: { host } }: ControllerOptions): string {
  const [first] = names;
  if (first !== undefined) return first;
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}
