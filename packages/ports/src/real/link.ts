import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { CoveyError, limits } from '@covey/protocol';
import type { MqttClient } from 'mqtt';
import type { Link, LinkOptions, LinkSession } from '../ports.ts';
import type { HttpProxy } from './proxy.ts';
import { connectTls } from './tls.ts';

/** Return codes of CONNACK (MQTT 3.1.1, table 3.1) that say who you are is the problem. */
const identityRefusals = new Set([2, 4, 5]);

/** So long a broker may take over the end of a session. */
const farewellMs = 2_000;

/** MQTT.js, without its reconnecting (it has no jitter) and without its unbounded queue before the first connect. */
export function networkLink(proxy: HttpProxy | undefined): Link {
  return {
    connect: async (options) => {
      const deadline = AbortSignal.timeout(options.connectTimeoutMs);
      const stream = await openStream(options, proxy, deadline);
      // The default, because a bundle of a CommonJS package has no other names.
      const { MqttClient } = (await import('mqtt')).default;
      const client = new MqttClient(() => stream as never, {
        clientId: options.clientId,
        protocolVersion: 4,
        clean: true,
        reconnectPeriod: 0,
        queueQoSZero: false,
        resubscribe: false,
        keepalive: options.keepaliveSeconds,
        connectTimeout: options.connectTimeoutMs,
        will: {
          topic: options.will.topic,
          payload: Buffer.from(options.will.payload),
          qos: 1,
          retain: false,
        },
      });
      await accepted(client, options);
      client.on('message', (topic, payload) => options.onMessage(topic, payload));
      return session(client, options);
    },
  };
}

/** The connection that MQTT is spoken on. */
async function openStream(
  { url, tls }: LinkOptions,
  proxy: HttpProxy | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'mqtt:') return connectTcp({ host, port: Number(port) });
  const socket = await connectTls({ host, port: Number(port || 443), tls, proxy, signal });
  return protocol === 'wss:' ? webSocketStream(url, socket, signal) : socket;
}

/** Binary frames with the subprotocol that MQTT asks for (MQTT 3.1.1, 6). */
async function webSocketStream(url: string, socket: TLSSocket, signal: AbortSignal): Promise<Duplex> {
  const { WebSocket, createWebSocketStream } = await import('ws');
  const webSocket = new WebSocket(url, ['mqtt'], {
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: limits.mqttPacketBytes,
  });
  try {
    await once(webSocket, 'open', { signal });
  } catch (cause) {
    webSocket.on('error', () => {}).terminate();
    if (signal.aborted) throw new CoveyError('TIMEOUT', `${url} did not answer in time`, { cause });
    throw new CoveyError('UNREACHABLE', `${url} speaks no MQTT: ${(cause as Error).message}`, { cause });
  }
  return createWebSocketStream(webSocket);
}

function accepted(client: MqttClient, options: LinkOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: CoveyError) => {
      client.off('connect', onConnect).off('close', onClose).off('error', onError);
      if (!error) return resolve();
      // A client that is being ended may still emit; nobody is left to hear it.
      client.on('error', () => {});
      client.end(true);
      reject(error);
    };
    const onConnect = () => settle();
    const onClose = () =>
      settle(new CoveyError('UNREACHABLE', `${options.url} closed the connection before accepting it`));
    const onError = (cause: Error) => {
      const refused = identityRefusals.has((cause as { code?: number }).code ?? -1);
      settle(
        new CoveyError(
          refused ? 'UNAUTHENTICATED' : 'UNREACHABLE',
          `cannot connect to ${options.url}: ${cause.message}`,
          { cause },
        ),
      );
    };
    client.on('connect', onConnect).on('close', onClose).on('error', onError);
  });
}

function session(client: MqttClient, options: LinkOptions): LinkSession {
  let reason = 'connection lost';
  client.on('error', (error) => {
    reason = error.message;
  });
  client.once('close', () => {
    client.end(true);
    options.onClose(reason);
  });
  return {
    subscribe: async (topics) => {
      await client.subscribeAsync(topics, { qos: 1 }).catch((cause) => {
        // MQTT.js 5 rejects when any topic is refused and shows the SUBACK; 128 is "failure" (MQTT 3.1.1, 3.9.3).
        const granted = (cause as { packet?: { granted?: number[] } }).packet?.granted;
        if (granted?.includes(128)) {
          throw new CoveyError('FORBIDDEN', `the broker refuses one of ${topics.join(', ')}`, { cause });
        }
        throw lost(cause);
      });
    },
    publish: async (topic, payload, qos) => {
      if (!client.connected) throw new CoveyError('UNREACHABLE', 'not connected');
      await client.publishAsync(topic, Buffer.from(payload), { qos, retain: false }).catch((cause) => {
        throw lost(cause);
      });
    },
    end: async ({ graceful }) => {
      reason = 'ended by this side';
      if (!graceful || !(await isAcknowledged(client))) return client.endAsync(true);
      // Its end waits for the other side to close, which one that is frozen does not.
      const late = setTimeout(() => client.stream.destroy(), farewellMs);
      await client.endAsync(false).finally(() => clearTimeout(late));
    },
  };
}

/** Whether all that was sent has arrived; waits for it, though not for a broker that is frozen. */
function isAcknowledged(client: MqttClient): Promise<boolean> {
  if (Object.keys(client.outgoing).length === 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), farewellMs);
    const settle = (answer: boolean) => () => {
      clearTimeout(late);
      resolve(answer);
    };
    client.once('outgoingEmpty', settle(true)).once('close', settle(false));
  });
}

function lost(cause: Error): CoveyError {
  return new CoveyError('UNREACHABLE', `the connection was lost: ${cause.message}`, { cause });
}
