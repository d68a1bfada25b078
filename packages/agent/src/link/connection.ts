import type { LinkSession, Ports, Timer } from '@covey/ports';
import {
  type Birth,
  CoveyError,
  type DownKind,
  downKinds,
  parseTopic,
  toCoveyError,
  topicOf,
  type UpKind,
} from '@covey/protocol';
import type { Identity } from '../identity/index.ts';
import { advanceLink, type LinkEvent, type LinkState, type LinkStep, stoppedLink } from './machine.ts';

const keepaliveSeconds = 30;
const connectTimeoutMs = 30_000;

export interface ConnectionHandlers {
  birth(): Birth;
  /** The desired generation that this device has. */
  generation(): number;
  online(): void;
  offline(): void;
  received(kind: DownKind, payload: Uint8Array): void;
}
/** The device's session with its controller, kept up for as long as it is started. */
export interface Connection {
  readonly state: LinkState;
  start(): void;
  stop(): Promise<void>;
  /** Drops the session and comes back, not before `retryAfterMs`. */
  reconnect(retryAfterMs: number): void;
  /** QoS 1; resolves with the broker's acknowledgement. Errors: UNREACHABLE when not online. */
  publish(kind: UpKind, payload: Uint8Array): Promise<void>;
  /** Publishes the birth again and asks for the desired state. */
  greetAgain(): Promise<void>;
}

export function createConnection(
  ports: Pick<Ports, 'clock' | 'random' | 'link' | 'log'>,
  identity: Identity,
  bootId: string,
  handlers: ConnectionHandlers,
): Connection {
  const { clock, log } = ports;
  let machine = stoppedLink;
  let session: LinkSession | null = null;
  let timer: Timer | null = null;
  /** Ends of sessions under way, so that `stop` can wait for them. */
  let ending: Promise<void> = Promise.resolve();
  /** Counts attempts: what an older one still says is not listened to. */
  let attempt = 0;

  const feed = (event: LinkEvent) => {
    const next = advanceLink(machine, event, clock.monotonicMs());
    if (next.machine.state !== machine.state) log.write('debug', 'link', { state: next.machine.state });
    machine = next.machine;
    for (const step of next.steps) execute(step);
  };
  const failed = (mine: number, error: unknown) => {
    if (mine !== attempt) return;
    const { code, message } = toCoveyError(error);
    log.write('warn', message, { code });
    feed({ kind: 'failed', jitter: ports.random.fraction() });
  };
  const connect = async () => {
    const mine = ++attempt;
    try {
      const opened = await ports.link.connect(
        linkOptions(identity, bootId, {
          onMessage: (topic, payload) => mine === attempt && received(topic, payload),
          onClose: (reason) => {
            if (mine !== attempt) return;
            log.write('info', 'link closed', { reason });
            session = null;
            feed({ kind: 'closed', jitter: ports.random.fraction() });
          },
        }),
      );
      if (mine !== attempt) return await opened.end({ graceful: true });
      session = opened;
      feed({ kind: 'accepted' });
    } catch (error) {
      failed(mine, error);
    }
  };
  const received = (topic: string, payload: Uint8Array) => {
    const parsed = parseTopic(topic);
    if (parsed?.direction === 'down' && parsed.device === identity.deviceId) {
      handlers.received(parsed.kind, payload);
    }
  };
  const publish = async (kind: UpKind, payload: Uint8Array) => {
    if (!session) throw new CoveyError('UNREACHABLE', 'not connected to the controller');
    await session.publish(topicOf(identity.deviceId, kind), payload, 1);
  };
  const introduce = async () => {
    await publish('birth', encodeJson(handlers.birth()));
    await publish('get', encodeJson({ generation: handlers.generation(), bootId }));
  };
  const greet = async () => {
    const mine = attempt;
    try {
      await session?.subscribe(downKinds.map((kind) => topicOf(identity.deviceId, kind)));
      await introduce();
      if (mine === attempt) feed({ kind: 'greeted' });
    } catch (error) {
      failed(mine, error);
    }
  };
  const close = (graceful: boolean) => {
    attempt++;
    const closing = session;
    session = null;
    if (!closing) return;
    ending = closing.end({ graceful }).catch((error) => {
      log.write('debug', 'ending a session failed', { message: toCoveyError(error).message });
    });
  };
  const wait = (delayMs: number) => {
    timer?.cancel();
    timer = clock.setTimer(delayMs, () => feed({ kind: 'retry' }));
  };
  const execute = (step: LinkStep) => {
    switch (step.kind) {
      case 'connect':
        void connect();
        break;
      case 'greet':
        void greet();
        break;
      case 'announceOnline':
        handlers.online();
        break;
      case 'announceOffline':
        handlers.offline();
        break;
      case 'end':
        close(true);
        break;
      case 'drop':
        close(false);
        break;
      case 'wait':
        wait(step.delayMs);
        break;
    }
  };
  return {
    get state() {
      return machine.state;
    },
    start: () => feed({ kind: 'start' }),
    stop: async () => {
      timer?.cancel();
      feed({ kind: 'stop' });
      await ending;
    },
    reconnect: (retryAfterMs) => feed({ kind: 'ordered', retryAfterMs, jitter: ports.random.fraction() }),
    publish,
    greetAgain: introduce,
  };
}

function linkOptions(
  identity: Identity,
  bootId: string,
  callbacks: { onMessage: (topic: string, payload: Uint8Array) => void; onClose: (reason: string) => void },
) {
  return {
    url: identity.mqttUrl,
    clientId: identity.deviceId,
    tls: { ca: identity.caPem, certificate: identity.certificatePem, key: identity.keyPem },
    will: { topic: topicOf(identity.deviceId, 'death'), payload: encodeJson({ bootId }) },
    keepaliveSeconds,
    connectTimeoutMs,
    ...callbacks,
  };
}

function encodeJson(document: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}
