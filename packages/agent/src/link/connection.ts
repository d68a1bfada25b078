import type { LinkOptions, LinkSession, Ports, Timer } from '@covey/ports';
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
import { type Identity, tlsOf } from '../identity/index.ts';
import { advanceLink, type LinkEvent, type LinkState, type LinkStep, stoppedLink } from './machine.ts';
import type { Routes } from './routes.ts';

const keepaliveSeconds = 30;
const connectTimeoutMs = 30_000;
/** How long a goodbye may take: a connection may be broken without anybody having noticed. */
const farewellMs = 2_000;

export interface ConnectionHandlers {
  birth(): Birth;
  /** The desired generation that this device has. */
  generation(): number;
  online(): void;
  offline(): void;
  /** A connection did not come up, and why. */
  failed(message: string): void;
  received(kind: DownKind, payload: Uint8Array): void;
}
/** The device's session with its controller, kept up for as long as it is started. */
export interface Connection {
  readonly state: LinkState;
  /** Of the session, or of the one that is tried next. */
  readonly url: string;
  start(): void;
  stop(): Promise<void>;
  /** Drops the session and comes back, not before `retryAfterMs`. */
  reconnect(retryAfterMs: number): void;
  /** The identity names another way now: whatever is under way by the one before ends. */
  moved(): void;
  /** QoS 1; resolves with the broker's acknowledgement. Errors: UNREACHABLE when not online. */
  publish(kind: UpKind, payload: Uint8Array): Promise<void>;
  /** Publishes the birth again and asks for the desired state. */
  greetAgain(): Promise<void>;
}

type LinkPorts = Pick<Ports, 'clock' | 'random' | 'link' | 'log'>;

export function createConnection(
  ports: LinkPorts,
  identity: Identity,
  routes: Routes,
  bootId: string,
  handlers: ConnectionHandlers,
): Connection {
  return new MqttConnection(ports, identity, routes, bootId, handlers);
}

class MqttConnection implements Connection {
  readonly #ports: LinkPorts;
  readonly #identity: Identity;
  readonly #routes: Routes;
  readonly #bootId: string;
  readonly #handlers: ConnectionHandlers;
  #machine = stoppedLink;
  #session: LinkSession | null = null;
  #timer: Timer | null = null;
  /** The end of a session under way, so that `stop` can wait for it. */
  #ending: Promise<void> = Promise.resolve();
  /** Counts attempts: what an older one still says is not listened to. */
  #attempt = 0;

  constructor(
    ports: LinkPorts,
    identity: Identity,
    routes: Routes,
    bootId: string,
    handlers: ConnectionHandlers,
  ) {
    this.#ports = ports;
    this.#identity = identity;
    this.#routes = routes;
    this.#bootId = bootId;
    this.#handlers = handlers;
  }

  get state(): LinkState {
    return this.#machine.state;
  }

  get url(): string {
    return this.#routes.url;
  }

  start(): void {
    this.#feed({ kind: 'start' });
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#feed({ kind: 'stop' });
    await this.#ending;
  }

  reconnect(retryAfterMs: number): void {
    this.#feed({ kind: 'ordered', retryAfterMs, jitter: this.#ports.random.fraction() });
  }

  moved(): void {
    this.#feed({ kind: 'moved', jitter: this.#ports.random.fraction() });
  }

  async publish(kind: UpKind, payload: Uint8Array): Promise<void> {
    if (!this.#session) throw new CoveyError('UNREACHABLE', 'not connected to the controller');
    await this.#session.publish(topicOf(this.#identity.deviceId, kind), payload, 1);
  }

  async greetAgain(): Promise<void> {
    await this.#publishBirth();
    await this.#askForDesired();
  }

  #askForDesired(): Promise<void> {
    return this.publish('get', encodeJson({ generation: this.#handlers.generation(), bootId: this.#bootId }));
  }

  #publishBirth(): Promise<void> {
    return this.publish('birth', encodeJson(this.#handlers.birth()));
  }

  #feed(event: LinkEvent): void {
    const next = advanceLink(this.#machine, event, this.#ports.clock.monotonicMs());
    if (next.machine.state !== this.#machine.state) {
      this.#ports.log.write('debug', 'link', { state: next.machine.state });
    }
    this.#machine = next.machine;
    for (const step of next.steps) this.#execute(step);
  }

  #execute(step: LinkStep): void {
    switch (step.kind) {
      case 'connect':
        void this.#connect();
        break;
      case 'greet':
        void this.#greet();
        break;
      case 'announceOnline':
        this.#routes.worked();
        this.#ports.log.write('info', 'link online', { url: this.#routes.url });
        this.#handlers.online();
        break;
      case 'announceOffline':
        this.#handlers.offline();
        break;
      case 'end':
        this.#close(true);
        break;
      case 'drop':
        this.#close(false);
        break;
      case 'wait':
        this.#timer?.cancel();
        this.#timer = this.#ports.clock.setTimer(step.delayMs, () => this.#feed({ kind: 'retry' }));
        break;
    }
  }

  async #connect(): Promise<void> {
    const mine = ++this.#attempt;
    // One session at a time: the broker would end the older one as if it had broken.
    await this.#ending;
    if (mine !== this.#attempt) return;
    try {
      const session = await this.#ports.link.connect(
        linkOptions(this.#identity, this.#routes.url, this.#bootId, {
          onMessage: (topic, payload) => mine === this.#attempt && this.#received(topic, payload),
          onClose: (reason) => mine === this.#attempt && this.#closed(reason),
        }),
      );
      if (mine !== this.#attempt) return await session.end({ graceful: true });
      this.#session = session;
      this.#feed({ kind: 'accepted' });
    } catch (error) {
      this.#failed(mine, error);
    }
  }

  async #greet(): Promise<void> {
    const mine = this.#attempt;
    try {
      const subscribed = this.#session?.subscribe(
        downKinds.map((kind) => topicOf(this.#identity.deviceId, kind)),
      );
      // Said without waiting: a copy of this device may take the connection over any moment, and births are what tells of it.
      await Promise.all([subscribed, this.#publishBirth()]);
      await this.#askForDesired();
      if (mine === this.#attempt) this.#feed({ kind: 'greeted' });
    } catch (error) {
      this.#failed(mine, error);
    }
  }

  #received(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic);
    if (parsed?.direction === 'down' && parsed.device === this.#identity.deviceId) {
      this.#handlers.received(parsed.kind, payload);
    }
  }

  #closed(reason: string): void {
    this.#ports.log.write('info', 'link closed', { reason });
    this.#session = null;
    this.#feed({ kind: 'closed', jitter: this.#ports.random.fraction() });
  }

  #failed(mine: number, error: unknown): void {
    if (mine !== this.#attempt) return;
    const { code, message } = toCoveyError(error);
    this.#ports.log.write('warn', message, { code });
    // A broker that answers, if only by a refusal, was reached.
    if (this.#machine.state === 'connecting' && code !== 'UNAUTHENTICATED') this.#routes.failed();
    this.#handlers.failed(message);
    this.#feed({ kind: 'failed', jitter: this.#ports.random.fraction() });
  }

  #close(graceful: boolean): void {
    this.#attempt++;
    const closing = this.#session;
    this.#session = null;
    if (!closing) return;
    this.#ending = this.#leave(closing, graceful).catch((error) => {
      this.#ports.log.write('debug', 'ending a session failed', { message: toCoveyError(error).message });
    });
  }

  async #leave(session: LinkSession, graceful: boolean): Promise<void> {
    try {
      // Nobody is told the will of a client that says goodbye (MQTT 3.1.1, 3.14.4): it is told here, while somebody listens.
      const { topic, payload } = willOf(this.#identity, this.#bootId);
      if (graceful) await this.#within(farewellMs, session.publish(topic, payload, 1));
    } finally {
      await session.end({ graceful });
    }
  }

  #within(ms: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#ports.clock.setTimer(ms, resolve);
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

function linkOptions(
  identity: Identity,
  url: string,
  bootId: string,
  callbacks: { onMessage: (topic: string, payload: Uint8Array) => void; onClose: (reason: string) => void },
) {
  return {
    url,
    clientId: identity.deviceId,
    tls: tlsOf(identity),
    will: willOf(identity, bootId),
    keepaliveSeconds,
    connectTimeoutMs,
    ...callbacks,
  };
}

function willOf({ deviceId }: Identity, bootId: string): LinkOptions['will'] {
  return { topic: topicOf(deviceId, 'death'), payload: encodeJson({ bootId }) };
}

function encodeJson(document: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}
