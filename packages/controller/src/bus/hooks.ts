import type { X509Certificate } from 'node:crypto';
import type { Log } from '@covey/ports';
import { type ErrorCode, limits, toCoveyError, type UpKind } from '@covey/protocol';
import type { AedesOptions, AuthenticateError, Client, ConnectPacket, PublishPacket } from 'aedes';
import { checkConnect, checkPublish, type Denial, mayReceive, quoted } from './access.ts';
import type { Refusal, RefusalReason } from './bus.ts';
import type { Inbox } from './inbox.ts';
import type { Session, Sessions } from './sessions.ts';

/** The end of a connection that was refused: reported where it was decided, so not again as an error of the connection. */
export class Refused extends Error {}

export interface HookOptions {
  /** Rejects with an identity error of the catalogue when the certificate is not, or no longer, good. */
  check: (certificate: X509Certificate) => Promise<unknown>;
  onRefusal: (refusal: Refusal) => void;
  log: Log;
}

export type AccessHooks = Required<
  Pick<
    AedesOptions,
    | 'preConnect'
    | 'authenticate'
    | 'authorizePublish'
    | 'authorizeSubscribe'
    | 'authorizeForward'
    | 'published'
  >
>;

/** What a waiting message costs besides its payload, so that many empty ones are bounded too. */
const messageOverheadBytes = 1_024;

/** Return codes of CONNACK (MQTT 3.1.1, table 3.1). */
const returnCodes = { identifierRejected: 2, unavailable: 3, notAuthorized: 5 } as const;

/** aedes asks, access.ts decides. All hooks are here: one left out would allow everything. */
export function accessHooks(options: HookOptions, sessions: Sessions, inbox: Inbox): AccessHooks {
  const refuse = (session: Session, denial: Denial) => options.onRefusal(refusalOf(session, denial));
  return {
    preConnect: (client, packet, done) => {
      const session = sessions.of(client);
      if (session) session.connect = packet;
      done(null, session !== undefined);
    },
    authenticate: (client, _username, _password, done) => {
      authenticate(options, sessions, client).then(
        () => done(null, true),
        (error: AuthenticateError) => done(error, false),
      );
    },
    authorizePublish: (client, packet, done) => {
      const session = client && sessions.of(client);
      // A connection that another one of the same device has taken over: the device is not dead.
      if (!session || (client.closed && sessions.isTakenOver(session))) return done(new Refused());
      const allowed = checkPublish(session.peer.device, packet);
      if ('kind' in allowed) {
        receive(session, allowed.kind, bytesOf(packet), inbox, () => done(null));
      } else {
        refuse(session, allowed);
        done(new Refused());
      }
    },
    authorizeSubscribe: (client, subscription, done) => {
      const session = sessions.of(client);
      if (session && mayReceive(session.peer.device, subscription.topic)) return done(null, subscription);
      if (session)
        refuse(session, { reason: 'subscribe', detail: `subscribe to ${quoted(subscription.topic)}` });
      done(null, null);
    },
    authorizeForward: (client, packet) => {
      const session = sessions.of(client);
      if (session && mayReceive(session.peer.device, packet.topic)) return packet;
      if (session) refuse(session, { reason: 'forward', detail: `receive from ${quoted(packet.topic)}` });
      return null;
    },
    published: (_packet, _client, done) => done(null),
  };
}

/** The broker acknowledges when the message has been handled; the connection is read on while few bytes wait for that. */
function receive(session: Session, kind: UpKind, payload: Uint8Array, inbox: Inbox, done: () => void): void {
  const sizeBytes = payload.byteLength + messageOverheadBytes;
  const account = (bytes: number) => {
    session.inboxBytes += bytes;
    session.stream.hold(session.inboxBytes > limits.mqttPacketBytes);
  };
  account(sizeBytes);
  inbox.put(session.peer.device, kind, payload, () => {
    account(-sizeBytes);
    done();
  });
}

export function refusalOf({ peer }: Session, { reason, detail }: Denial): Refusal {
  return { device: peer.device, address: peer.address, reason, detail };
}

/** Rejects with the CONNACK code to answer with: a refusal by silence would leave the client waiting. */
async function authenticate(options: HookOptions, sessions: Sessions, client: Client): Promise<void> {
  const session = sessions.of(client);
  if (!session?.connect) throw authenticateError(returnCodes.unavailable);
  const denial = await connectDenial(options, session, session.connect);
  if (denial) return refuseConnect(options, session, denial);
  sessions.accept(session);
  // A device that was refused between the check and here was not yet among the sessions to be ended.
  const late = await certificateDenial(options, session);
  if (late) return refuseConnect(options, session, late);
}

function refuseConnect(options: HookOptions, session: Session, denial: Denial): never {
  options.onRefusal(refusalOf(session, denial));
  throw authenticateError(
    denial.reason === 'client-id' ? returnCodes.identifierRejected : returnCodes.notAuthorized,
  );
}

async function connectDenial(
  options: HookOptions,
  session: Session,
  { clean = false, will }: ConnectPacket,
): Promise<Denial | undefined> {
  const denial = checkConnect(session.peer.device, {
    clientId: session.client.id,
    clean,
    will: will && {
      topic: will.topic,
      payload: bytesOf(will),
      qos: will.qos ?? 0,
      retain: will.retain ?? false,
    },
  });
  return denial ?? (await certificateDenial(options, session));
}

/** Refusals that have a name of their own in the audit log; others are `certificate`. */
const reasons: Partial<Record<ErrorCode, RefusalReason>> = {
  DEVICE_REVOKED: 'revoked',
  DEVICE_QUARANTINED: 'quarantined',
  CERTIFICATE_SUPERSEDED: 'superseded',
};

async function certificateDenial(options: HookOptions, { peer }: Session): Promise<Denial | undefined> {
  try {
    await options.check(peer.certificate);
    return undefined;
  } catch (thrown) {
    const error = toCoveyError(thrown);
    if (error.status < 500) return { reason: reasons[error.code] ?? 'certificate', detail: error.message };
    options.log.write('error', 'cannot authenticate a device', { ...error.toJSON() });
    throw authenticateError(returnCodes.unavailable);
  }
}

function authenticateError(returnCode: number): AuthenticateError {
  return Object.assign(new Refused('refused'), { returnCode });
}

function bytesOf({ payload }: { payload?: PublishPacket['payload'] }): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : (payload ?? new Uint8Array());
}
