import type { EventEmitter } from 'node:events';
import { CoveyError, type DownKind, toCoveyError, topicOf } from '@covey/protocol';
import { Aedes, type Client } from 'aedes';
import type { Denial } from './access.ts';
import type { MessageHandler } from './bus.ts';
import { accessHooks, type HookOptions, Refused, refusalOf } from './hooks.ts';
import { createInbox } from './inbox.ts';
import type { GuardedStream } from './packet-guard.ts';
import { createSessions, type Peer } from './sessions.ts';

export interface BrokerOptions extends HookOptions {
  handler: MessageHandler;
  connectTimeoutMs: number;
  drainTimeoutMs: number;
  backlogBytes: number;
  keepaliveSeconds: number;
}

/** MQTT 3.1.1 on connections whose other end is known. */
export interface Broker {
  attach(stream: GuardedStream, peer: Peer): void;
  publish(device: string, kind: DownKind, payload: Uint8Array): Promise<void>;
  isConnected(device: string): boolean;
  disconnect(device: string): void;
  /** Ends every connection and waits for messages being handled. */
  close(): Promise<void>;
}

export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const sessions = createSessions();
  const inbox = createInbox(options.handler, options.log);
  const aedes = await Aedes.createBroker({
    connectTimeout: options.connectTimeoutMs,
    drainTimeout: options.drainTimeoutMs,
    keepaliveLimit: options.keepaliveSeconds,
    ...accessHooks(options, sessions, inbox),
  });
  const onError = (client: Client, error: Error) => {
    const session = sessions.of(client);
    if (!session || session.hasFailed) return;
    session.hasFailed = true;
    const denial = denialOf(error);
    if (denial) options.onRefusal(refusalOf(session, denial));
  };
  aedes.on('clientError', onError);
  aedes.on('connectionError', onError);
  // The types of aedes leave this event out.
  const failing: EventEmitter = aedes;
  failing.on('error', (error: unknown) =>
    options.log.write('error', 'the broker failed', { ...toCoveyError(error).toJSON() }),
  );
  aedes.on('subscribe', (granted, client) => {
    const session = sessions.of(client);
    for (const { topic, qos } of granted) if (Number(qos) <= 2) session?.subscribed.add(topic);
  });
  aedes.on('unsubscribe', (topics, client) => {
    for (const topic of topics) sessions.of(client)?.subscribed.delete(topic);
  });
  return {
    attach: (stream, peer) => sessions.add(aedes.handle(stream), stream, peer),
    publish: async (device, kind, payload) => {
      const session = sessions.current(device);
      const topic = topicOf(device, kind);
      if (!session?.subscribed.has(topic) || session.stream.destroyed) return;
      session.backlogBytes += payload.byteLength;
      if (session.backlogBytes > options.backlogBytes) session.stream.destroy(new Frozen());
      else await send(session.client, topic, payload);
      session.backlogBytes -= payload.byteLength;
    },
    isConnected: (device) => sessions.current(device) !== undefined,
    disconnect: (device) => {
      for (const { stream } of sessions.all(device)) stream.destroy(new Refused());
    },
    close: async () => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      await inbox.settle();
    },
  };
}

/** Straight to the one connection it is for: through the broker's topics one frozen device would hold up all others. */
function send(client: Client, topic: string, payload: Uint8Array): Promise<void> {
  const packet = { topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false } as const;
  return new Promise((resolve) => client.publish({ cmd: 'publish', ...packet }, () => resolve()));
}

class Frozen extends Error {}

/** aedes says these in words alone. */
const frozenWords = 'drain timeout';
const connectTimeoutWords = 'connect did not arrive in time';
const ordinaryWords = new Set(['keep alive timeout', 'connection closed']);

/** What to audit about the end of a connection; undefined when it was refused before or just ended. */
function denialOf(error: Error): Denial | undefined {
  if (error instanceof Refused || ordinaryWords.has(error.message)) return undefined;
  if (error instanceof Frozen || error.message === frozenWords)
    return { reason: 'frozen', detail: 'does not read what it is sent' };
  if (error.message === connectTimeoutWords)
    return { reason: 'connect-timeout', detail: 'sent no CONNECT in time' };
  if (error instanceof CoveyError && error.code === 'PAYLOAD_TOO_LARGE')
    return { reason: 'packet-size', detail: error.message };
  const isNetwork = !(error instanceof CoveyError) && 'code' in error;
  return isNetwork ? undefined : { reason: 'malformed', detail: error.message };
}
