import type { UpKind } from '@covey/protocol';
import { DeathSchema, parseDocument, parseTopic, toCoveyError } from '@covey/protocol';
import type { RefusalReason } from './bus.ts';

/** Why something is not allowed, in the user's words. */
export interface Denial {
  reason: RefusalReason;
  detail: string;
}

export interface PublishRequest {
  topic: string;
  payload: Uint8Array | string;
  qos: number;
  retain: boolean;
}

export interface ConnectRequest {
  clientId: string;
  /** MQTT's clean session flag. */
  clean: boolean;
  will: PublishRequest | undefined;
}

const willBytes = 1_024;

/** What a connection may be: the device of its certificate, without a session that outlives it, with its own death as will. */
export function checkConnect(device: string, { clientId, clean, will }: ConnectRequest): Denial | undefined {
  if (clientId !== device)
    return {
      reason: 'client-id',
      detail: `client id ${quoted(clientId)} is not the certificate's ${device}`,
    };
  if (!clean)
    return { reason: 'persistent-session', detail: 'sessions that outlive the connection are not kept' };
  return will && checkWill(device, will);
}

/** The kind of a publish that is allowed: an own up-topic, at most QoS 1, never retained. */
export function checkPublish(device: string, packet: PublishRequest): { kind: UpKind } | Denial {
  const denied = (detail: string): Denial => ({ reason: 'publish', detail });
  const topic = parseTopic(packet.topic);
  if (topic?.direction !== 'up' || topic.device !== device)
    return denied(`publish to ${quoted(packet.topic)}, which is no topic of ${device} to the controller`);
  if (packet.retain) return denied(`retained publish to ${packet.topic}`);
  if (packet.qos > 1) return denied(`publish with QoS ${packet.qos} to ${packet.topic}`);
  return { kind: topic.kind };
}

/** For subscriptions and, whatever they say, for every message before it is forwarded: own down-topics, no wildcards. */
export function mayReceive(device: string, topic: string): boolean {
  const parsed = parseTopic(topic);
  return parsed?.direction === 'down' && parsed.device === device;
}

/** A text from outside, bounded, for messages. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}

function checkWill(device: string, will: PublishRequest): Denial | undefined {
  const allowed = checkPublish(device, will);
  if (!('kind' in allowed)) return { reason: 'will', detail: `will: ${allowed.detail}` };
  if (allowed.kind !== 'death') return { reason: 'will', detail: `will on ${will.topic} instead of death` };
  try {
    const payload = typeof will.payload === 'string' ? new TextEncoder().encode(will.payload) : will.payload;
    parseDocument(DeathSchema, payload, 'will', willBytes);
    return undefined;
  } catch (error) {
    return { reason: 'will', detail: toCoveyError(error).message };
  }
}
