import type { Bus, MessageHandler } from '@covey/controller';
import type { FetchAnswer, FetchRequest, Link, LinkOptions, LinkSession, Random } from '@covey/ports';
import { handOver, type SimulatedWorld } from '@covey/ports/simulated';
import { CoveyError, type DownKind, parseTopic, topicOf, type UpKind } from '@covey/protocol';
import { Connection } from './connection.ts';

/** What the network does to messages. Shares are probabilities per message. */
export interface Weather {
  /** Longest way from one end to the other; each message draws its own, none overtakes another of its connection. */
  delayMs: number;
  /** The connection goes deaf: everything under way on it is lost, and each end notices later, by its keepalive. */
  breakShare: number;
  /** Acknowledged to the device, and never handed to the controller. */
  lossShare: number;
  /** Handed to the controller twice. */
  duplicateShare: number;
}
export const calm: Weather = { delayMs: 20, breakShare: 0, lossShare: 0, duplicateShare: 0 };

/** Sees what crosses the network. */
export interface NetworkObserver {
  /** A device published it, whatever becomes of it. */
  sent(device: string, kind: UpKind, payload: Uint8Array): void;
  /** The controller has dealt with it. */
  handled(device: string, kind: UpKind, payload: Uint8Array): void;
  /** The controller published it, whatever becomes of it. */
  told(device: string, kind: DownKind, payload: Uint8Array): void;
  noted(line: string): void;
}

/** `damaged`: a byte of each chunk is another; `made up`: something else altogether, of whatever size; `absent`: 404. */
export type Spoiling = 'none' | 'damaged' | 'made up' | 'absent';

function spoilt(url: string, answer: FetchAnswer, how: Spoiling): FetchAnswer {
  if (how === 'none' || answer.status !== 200) return answer;
  if (how === 'absent') return { ...answer, status: 404, body: new Uint8Array() };
  if (how === 'made up') return { ...answer, body: Buffer.from('{"signed":{},"signatures":[]}') };
  if (!url.includes('/chunks/')) return answer;
  const body = Uint8Array.from(answer.body);
  body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 0x20;
  return { ...answer, body };
}

/** One life of the controller, as the broker in it sees it. */
interface Life {
  handler: MessageHandler;
  isOver: boolean;
}

/** 1.5 times the keepalive of 30 s, after which an end believes a silent connection dead. */
const keepaliveGraceMs = 45_000;

/** MQTT and HTTP between the devices and the one controller, with faults drawn from the world's seed. */
export class SimulatedNetwork {
  weather = calm;
  /** The link port of every device. */
  readonly link: Link = { connect: (options) => this.#connect(options) };
  readonly #world: SimulatedWorld;
  readonly #random: Random;
  readonly #observer: NetworkObserver;
  readonly #connections = new Map<string, Connection>();
  readonly #cutOff = new Set<string>();
  readonly #spoiling = new Map<string, Spoiling>();
  #inboxes = new Map<string, Promise<void>>();
  #life: Life | undefined;

  constructor(world: SimulatedWorld, observer: NetworkObserver) {
    this.#world = world;
    this.#random = world.random('network');
    this.#observer = observer;
  }

  isConnected(device: string): boolean {
    const connection = this.#connections.get(device);
    return connection !== undefined && !connection.isDeaf;
  }

  /** Nothing passes between the device and the controller until `reach`. */
  cutOff(device: string): void {
    this.#cutOff.add(device);
    const connection = this.#connections.get(device);
    if (connection) this.#deafen(connection, 'cut off');
  }

  /** What becomes of the bodies that the device fetches. */
  spoil(device: string, how: Spoiling): void {
    this.#spoiling.set(device, how);
  }

  reach(device: string): void {
    this.#cutOff.delete(device);
  }

  /** The controller's process is gone, and the broker in it: messages it had taken are lost, wills too. */
  crashController(): void {
    if (this.#life) this.#life.isOver = true;
    this.#life = undefined;
    this.#inboxes = new Map();
    for (const connection of [...this.#connections.values()])
      this.#closeAtBroker(connection, 'broker gone', false);
  }

  /** The bus of one life of the controller. */
  bus(): Bus {
    const life: Life = { handler: async () => {}, isOver: false };
    return {
      start: async () => {
        this.#life = life;
        return { port: 0 };
      },
      stop: async () => this.crashController(),
      onMessage: (handler) => {
        life.handler = handler;
      },
      publish: async (device, kind, payload) => {
        if (!life.isOver) await this.#tell(device, kind, payload);
      },
      isConnected: (device) => this.#connections.has(device),
      disconnect: (device) => {
        const connection = this.#connections.get(device);
        if (connection && !life.isOver) this.#closeAtBroker(connection, 'disconnected', true);
      },
    };
  }

  /** HTTP from a device to whatever `answer` stands for. */
  async fetch(
    device: string,
    request: FetchRequest,
    answer: (url: URL) => Promise<FetchAnswer>,
  ): Promise<FetchAnswer> {
    await this.#wait(this.#delayMs());
    if (this.#cutOff.has(device)) {
      await this.#wait(request.timeoutMs);
      throw new CoveyError('TIMEOUT', `${request.url} did not answer within ${request.timeoutMs} ms`);
    }
    if (!this.#life || this.#isDrawn(this.weather.breakShare))
      throw new CoveyError('UNREACHABLE', `cannot reach ${request.url}`);
    const given = await answer(new URL(request.url));
    await this.#wait(this.#delayMs());
    return handOver(
      request,
      spoilt(request.url, given, this.#spoiling.get(device) ?? 'none'),
      async (part) =>
        this.#isDrawn(this.weather.breakShare) ? part.subarray(0, Math.floor(part.byteLength / 2)) : part,
    );
  }

  async #connect(options: LinkOptions): Promise<LinkSession> {
    const device = options.clientId;
    await this.#wait(this.#delayMs());
    if (this.#cutOff.has(device)) {
      await this.#wait(options.connectTimeoutMs);
      throw new CoveyError('TIMEOUT', `${options.url} did not answer`);
    }
    if (!this.#life) throw new CoveyError('UNREACHABLE', `cannot connect to ${options.url}`);
    const before = this.#connections.get(device);
    if (before) this.#closeAtBroker(before, 'taken over', true);
    const connection = new Connection(this.#world.clock, options);
    this.#connections.set(device, connection);
    this.#note(connection, 'connected');
    await connection.untilClosed(connection.down(this.#delayMs()));
    return {
      subscribe: async (topics) => {
        await connection.untilClosed(connection.up(this.#delayMs()));
        for (const topic of topics) connection.topics.add(topic);
        await connection.untilClosed(connection.down(this.#delayMs()));
      },
      publish: (topic, payload, qos) => this.#publish(connection, topic, payload, qos),
      end: async ({ graceful }) => this.#end(connection, graceful),
    };
  }

  async #publish(connection: Connection, topic: string, payload: Uint8Array, qos: 0 | 1): Promise<void> {
    const parsed = parseTopic(topic);
    if (!connection.isOpenAtDevice || parsed?.direction !== 'up')
      throw new CoveyError('UNREACHABLE', 'not connected');
    this.#observer.sent(parsed.device, parsed.kind, payload);
    if (this.#isDrawn(this.weather.breakShare)) this.#deafen(connection, 'broke on the way up');
    const acknowledged = connection.up(this.#delayMs()).then(async () => {
      await this.#hand(parsed.device, parsed.kind, payload);
      await connection.down(this.#delayMs());
    });
    if (qos === 1) await connection.untilClosed(acknowledged);
  }

  /** Gives a message to the controller, after those that the device sent before. */
  #hand(device: string, kind: UpKind, payload: Uint8Array): Promise<void> {
    const life = this.#life;
    const isLost = this.#isDrawn(this.weather.lossShare);
    const copies = isLost ? 0 : this.#isDrawn(this.weather.duplicateShare) ? 2 : 1;
    if (copies !== 1) this.#observer.noted(`${device} ${kind} handed over ${copies} times`);
    const handled = (this.#inboxes.get(device) ?? Promise.resolve()).then(async () => {
      for (let copy = 0; copy < copies; copy++) {
        if (!life || life.isOver) return;
        await life.handler(device, kind, payload);
        if (!life.isOver) this.#observer.handled(device, kind, payload);
      }
    });
    this.#inboxes.set(device, handled);
    return handled;
  }

  async #tell(device: string, kind: DownKind, payload: Uint8Array): Promise<void> {
    this.#observer.told(device, kind, payload);
    const topic = topicOf(device, kind);
    const connection = this.#connections.get(device);
    if (!connection?.topics.has(topic)) return;
    if (this.#isDrawn(this.weather.breakShare)) this.#deafen(connection, 'broke on the way down');
    const arrived = connection
      .down(this.#delayMs())
      .then(() => connection.isOpenAtDevice && connection.options.onMessage(topic, payload));
    await Promise.race([arrived, connection.closedAtBroker]);
  }

  /** What a dead process or a lost path leaves behind: neither end is told. */
  #deafen(connection: Connection, why: string): void {
    if (connection.isDeaf) return;
    connection.isDeaf = true;
    this.#note(connection, why);
    const noticeMs = () => this.#random.fraction() * keepaliveGraceMs;
    this.#later(noticeMs(), () => connection.closeAtDevice('keepalive timeout'));
    this.#later(noticeMs(), () => this.#closeAtBroker(connection, 'keepalive timeout', true));
  }

  #end(connection: Connection, isGraceful: boolean): void {
    if (!connection.isOpenAtDevice) return;
    connection.closeAtDevice('ended by this side');
    if (isGraceful)
      void connection.up(this.#delayMs()).then(() => this.#closeAtBroker(connection, 'left', false));
    // A killed process leaves its kernel to say so; a cut power leaves nobody.
    else if (this.#isDrawn(0.5)) this.#deafen(connection, 'died silently');
    else this.#later(this.#delayMs(), () => this.#closeAtBroker(connection, 'reset', true));
  }

  #closeAtBroker(connection: Connection, why: string, withWill: boolean): void {
    if (!connection.isOpenAtBroker) return;
    connection.closeAtBroker();
    const { clientId, will } = connection.options;
    if (this.#connections.get(clientId) === connection) this.#connections.delete(clientId);
    this.#note(connection, why);
    if (withWill) void this.#hand(clientId, 'death', will.payload);
    if (!connection.isDeaf) this.#later(this.#delayMs(), () => connection.closeAtDevice(why));
  }

  #note({ options }: Connection, what: string): void {
    this.#observer.noted(`${options.clientId} ${what}`);
  }

  #delayMs(): number {
    return 1 + this.#random.fraction() * this.weather.delayMs;
  }

  #isDrawn(share: number): boolean {
    return this.#random.fraction() < share;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#later(ms, resolve));
  }

  #later(ms: number, act: () => void): void {
    this.#world.clock.setTimer(ms, act);
  }
}
