import type { Server } from 'node:https';
import { hostname } from 'node:os';
import type { EmbeddedBus } from '../bus/index.ts';
import {
  type AdminServices,
  createAdminServer,
  createDeviceServer,
  type DeviceServices,
  type Listener,
  listen,
} from '../http/index.ts';
import type { Identity } from '../identity/index.ts';
import type { AddCleanup } from './cleanups.ts';
import type { Addresses, ControllerOptions } from './controller.ts';

type ListenerServices = Omit<DeviceServices, 'isOnline' | 'upgrade'> &
  Omit<AdminServices, 'disconnect' | 'urls'> & { identity: Identity; bus: EmbeddedBus };

/** Devices may keep theirs, for MQTT over WebSocket. */
const maxConnections = { adminPort: 512, devicePort: 20_000 } as const;
const purposes = { adminPort: 'admin API', devicePort: 'device downloads' } as const;

export interface Listeners {
  addresses: Addresses;
  /** Ends every connection of a device, of whatever kind. */
  disconnect(device: string): void;
}

/**
 * Opens MQTT, then what devices fetch from, and the admin API, from which others begin, at last. Where both HTTP ports are the
 * same, one listener serves all of it: with MQTT over WebSocket a device then needs that one port.
 */
export async function openListeners(
  options: ControllerOptions,
  services: ListenerServices,
  onStop: AddCleanup,
): Promise<Listeners> {
  const { bus, identity } = services;
  onStop('bus', () => bus.stop());
  const mqttPort = (await bus.start()).port;
  const { host, ...ports } = options.listen;
  const bound = { ...ports };
  const name = publicHost(options);
  const urls = (): Addresses => ({
    mqttUrl: `mqtts://${name}:${mqttPort}`,
    deviceUrl: `https://${name}:${bound.devicePort}`,
    adminUrl: `https://${name}:${bound.adminPort}`,
  });
  const disconnect = (id: string) => {
    bus.disconnect(id);
    device.disconnect(id);
  };
  const isShared = ports.adminPort === ports.devicePort && ports.adminPort !== 0;
  const admin = await createAdminServer(
    { ...services, urls, disconnect },
    isShared ? undefined : identity.server,
  );
  const isOnline = (id: string) => bus.isConnected(id);
  const deviceServices = { ...services, isOnline, upgrade: bus.upgrade };
  const device = createDeviceServer(deviceServices, identity.server, isShared ? admin : undefined);
  const open = async (server: Listener, port: 'adminPort' | 'devicePort') => {
    onStop(purposes[port], async () => {
      await server.close();
    });
    const wanted = { host, port: ports[port], purpose: purposes[port], maxConnections: maxConnections[port] };
    bound[port] = await listen(server, wanted);
  };
  await open(device.app, 'devicePort');
  if (!isShared) await open(admin, 'adminPort');
  identity.onServerChange((tls) => {
    bus.changeTls(tls);
    const context = { ca: tls.ca, cert: tls.certificate, key: tls.key, allowPartialTrustChain: true };
    for (const { server } of isShared ? [device.app] : [device.app, admin])
      (server as Server).setSecureContext(context);
  });
  return { addresses: urls(), disconnect };
}

function publicHost({ names, listen: { host } }: ControllerOptions): string {
  const [first] = names;
  if (first !== undefined) return first;
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}
