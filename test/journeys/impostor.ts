import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Identity } from '@covey/agent';
import type { Client } from '@covey/cli';
import type { FetchAnswer } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { AuditAnswer } from '@covey/protocol/api';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';

/** The identity files of an enrolled device, in other hands than its agent's. */
export interface Impostor {
  id: string;
  /** MQTT with the device's certificate. */
  mqtt(options?: IClientOptions): Promise<MqttClient>;
  /** A TLS connection to the MQTT listener, before any MQTT. */
  socket(): Promise<TLSSocket>;
  /** A request to the device listener. */
  get(path: string): Promise<FetchAnswer>;
}

/** What an enrolled device's newest identity file holds. */
export function identityOf(folder: string): Omit<Identity, 'trustRoot'> {
  const documents = ['identity-a', 'identity-b'].flatMap((name) => {
    const path = join(folder, 'identity', name);
    if (!existsSync(path)) return [];
    return [JSON.parse(readFileSync(path, 'utf8').slice(65)) as { generation: number; document: Identity }];
  });
  const [newest] = documents.sort((a, b) => b.generation - a.generation);
  if (!newest) throw new Error(`${folder} holds no identity`);
  return newest.document;
}

export function impostorOf(folder: string): Impostor {
  const device = identityOf(folder);
  const tls = { ca: device.caPem, cert: device.certificatePem, key: device.keyPem };
  return {
    id: device.deviceId,
    mqtt: (options = {}) =>
      connectAsync(device.mqttUrl, {
        clientId: device.deviceId,
        reconnectPeriod: 0,
        connectTimeout: 10_000,
        ...tls,
        ...options,
      }),
    socket: async () => {
      const { hostname, port } = new URL(device.mqttUrl);
      const socket = tlsConnect({ host: hostname, port: Number(port), ...tls });
      // Being cut off is what most of these connections are for.
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      return socket.resume();
    },
    get: (path) =>
      nodeFetch({
        method: 'GET',
        url: new URL(path, device.deviceUrl).href,
        tls: { ca: tls.ca, certificate: tls.cert, key: tls.key },
        timeoutMs: 10_000,
        maxBytes: 1024 * 1024,
      }),
  };
}

/** Resolves when the connection has ended, whatever error it ends with. */
export function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.on('error', () => {}).on('close', () => resolve()));
}

/** Newest first. */
export async function auditEntries(client: Client): Promise<AuditAnswer['entries']> {
  const { entries } = await client.call({ method: 'GET', path: '/audit', answer: AuditAnswer });
  return entries;
}
