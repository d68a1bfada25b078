import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Client } from '@covey/cli';
import { type FetchAnswer, nodeFetch } from '@covey/ports';
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

export function impostorOf(folder: string): Impostor {
  const file = (name: string) => readFileSync(join(folder, 'identity', name), 'utf8');
  const device = JSON.parse(file('device.json')) as { deviceId: string; mqttUrl: string; deviceUrl: string };
  const tls = { ca: file('ca.pem'), cert: file('certificate.pem'), key: file('key.pem') };
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
