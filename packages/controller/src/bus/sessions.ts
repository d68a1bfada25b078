import type { X509Certificate } from 'node:crypto';
import type { Client, ConnectPacket } from 'aedes';
import type { GuardedStream } from './packet-guard.ts';

/** Who is at the other end, as its certificate says. */
export interface Peer {
  device: string;
  certificate: X509Certificate;
  address: string;
}

export interface Session {
  readonly peer: Peer;
  readonly client: Client;
  readonly stream: GuardedStream;
  readonly subscribed: Set<string>;
  /** Set as soon as it has come. */
  connect: ConnectPacket | undefined;
  /** Bytes of messages being handled or waiting for it. */
  inboxBytes: number;
  /** Bytes of messages not yet written to the connection. */
  backlogBytes: number;
  /** The connection ended with an error, which was reported: what fails after it is its echo. */
  hasFailed: boolean;
}

/** Connections, and per device the one that was accepted last. */
export interface Sessions {
  add(client: Client, stream: GuardedStream, peer: Peer): void;
  of(client: Client): Session | undefined;
  /** Makes this one the device's connection. */
  accept(session: Session): void;
  current(device: string): Session | undefined;
  /** Every connection with a certificate of the device, whether it was accepted or not. */
  all(device: string): Session[];
  isTakenOver(session: Session): boolean;
}

export function createSessions(): Sessions {
  const byClient = new WeakMap<Client, Session>();
  const accepted = new Map<string, Session>();
  const open = new Map<string, Set<Session>>();
  return {
    add: (client, stream, peer) => {
      const session: Session = {
        peer,
        client,
        stream,
        subscribed: new Set(),
        connect: undefined,
        inboxBytes: 0,
        backlogBytes: 0,
        hasFailed: false,
      };
      byClient.set(client, session);
      const ofDevice = open.get(peer.device) ?? new Set();
      open.set(peer.device, ofDevice.add(session));
      stream.once('close', () => {
        ofDevice.delete(session);
        if (ofDevice.size === 0 && open.get(peer.device) === ofDevice) open.delete(peer.device);
        if (accepted.get(peer.device) === session) accepted.delete(peer.device);
      });
    },
    of: (client) => byClient.get(client),
    accept: (session) => void accepted.set(session.peer.device, session),
    current: (device) => accepted.get(device),
    all: (device) => [...(open.get(device) ?? [])],
    isTakenOver: (session) => {
      const current = accepted.get(session.peer.device);
      return current !== undefined && current !== session;
    },
  };
}
