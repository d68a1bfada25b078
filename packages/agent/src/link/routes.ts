import type { Disk, Log } from '@covey/ports';
import { parseJson, toCoveyError } from '@covey/protocol';
import type { Identity } from '../identity/index.ts';

/** Where MQTT is spoken over WebSocket, on the listener that devices fetch from. */
const webSocketPath = '/mqtt';
const names = ['mqtt', 'websocket'] as const;
type RouteName = (typeof names)[number];

/** The ways to the controller's broker: MQTT over TLS, or over WebSocket where nothing but HTTPS passes. */
export interface Routes {
  /** The one to try now. */
  readonly url: string;
  /** A connection could not be made this way: the other one is next. */
  failed(): void;
  /** A connection came up; the next start begins with this way. */
  worked(): void;
}

/** Opens with the way that worked last; where nothing is remembered, MQTT over TLS. */
export async function openRoutes(
  { disk, log }: { disk: Disk; log: Log },
  path: string,
  identity: Pick<Identity, 'mqttUrl' | 'deviceUrl'>,
): Promise<Routes> {
  let remembered = await readRoute(disk, path);
  let current = remembered;
  const urlOf = (name: RouteName) => (name === 'mqtt' ? identity.mqttUrl : webSocketUrl(identity.deviceUrl));
  return {
    get url() {
      return urlOf(current);
    },
    failed: () => {
      current = current === 'mqtt' ? 'websocket' : 'mqtt';
    },
    worked: () => {
      if (current === remembered) return;
      remembered = current;
      log.write('info', 'another way to the controller works', { url: urlOf(current) });
      disk
        .write(path, Buffer.from(JSON.stringify({ route: current })))
        .catch((error) => log.write('warn', `the way is not remembered: ${toCoveyError(error).message}`));
    },
  };
}

/** The address of MQTT over WebSocket beside `deviceUrl`. */
export function webSocketUrl(deviceUrl: string): string {
  const url = new URL(webSocketPath, deviceUrl);
  url.protocol = 'wss:';
  return url.href;
}

/** What cannot be read is forgotten: it is a hint. */
async function readRoute(disk: Disk, path: string): Promise<RouteName> {
  try {
    const bytes = await disk.read(path);
    const route = bytes && (parseJson(bytes, path) as { route?: unknown } | null)?.route;
    return names.find((name) => name === route) ?? 'mqtt';
  } catch {
    return 'mqtt';
  }
}
