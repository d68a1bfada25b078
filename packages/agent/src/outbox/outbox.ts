import type { Ports, Timer } from '@covey/ports';
import { type Receipt, toCoveyError } from '@covey/protocol';
import { encodeMessage, type OutMessage, outKindOf } from './encode.ts';
import { chooseVictims, stretchesOf } from './eviction.ts';
import type { Frame } from './frames.ts';
import { type Publish, Sender } from './sender.ts';
import { type Gap, MessageStore } from './store.ts';

export interface OutboxLimits {
  messages: number;
  bytes: number;
}
export interface OutboxOptions {
  folder: string;
  bootId: string;
  /** Longest that telemetry waits in memory. */
  flushMs: number;
  limits: OutboxLimits;
}

/** Everything on its way to the controller: durable, bounded, in order, kept until a receipt says that it arrived. */
export interface Outbox {
  /** The seq that the next message gets. */
  readonly nextSeq: number;
  readonly count: number;
  readonly bytes: number;
  /** State and records of loss are on the medium when this resolves; telemetry waits for `flush`. Rejects never: a failing disk is retried. */
  put(message: OutMessage): Promise<void>;
  flush(): Promise<void>;
  /** The link is up: sends everything not receipted, from the oldest. */
  attach(publish: Publish): void;
  detach(): void;
  /** True where messages that the controller asks for will never come: what it knows of this device may be old. */
  receipt(receipt: Receipt): Promise<boolean>;
  close(): Promise<void>;
}

interface Waiting {
  message: OutMessage;
  /** Unix milliseconds. */
  at: number;
}

/** Telemetry kept in memory before it is written, at most. */
const bufferMessages = 64;
const evictionShare = 0.1;

/** Opens the outbox in `folder`, which exists. What a crash tore off a tail is recorded as dropped. */
export async function openOutbox(
  ports: Pick<Ports, 'disk' | 'clock' | 'log'>,
  options: OutboxOptions,
): Promise<Outbox> {
  const outbox = new DurableOutbox(ports, options);
  await outbox.open();
  return outbox;
}

class DurableOutbox implements Outbox {
  readonly #ports: Pick<Ports, 'disk' | 'clock' | 'log'>;
  readonly #options: OutboxOptions;
  readonly #store: MessageStore;
  readonly #sender: Sender;
  #waiting: Waiting[] = [];
  #timer: Timer | null = null;
  /** Messages that were lost before they had a seq, because the disk took nothing. */
  #lostUnsequenced = 0;
  /** Losses the controller was told of in this boot: it may ask again before it has heard. */
  readonly #declared: Gap[] = [];
  /** One operation on the disk at a time. */
  #last: Promise<void> = Promise.resolve();

  constructor(ports: Pick<Ports, 'disk' | 'clock' | 'log'>, options: OutboxOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#store = new MessageStore(ports.disk, options.folder);
    this.#sender = new Sender(ports, this.#store);
  }

  get nextSeq(): number {
    return this.#store.nextSeq;
  }
  get count(): number {
    return this.#store.count;
  }
  get bytes(): number {
    return this.#store.bytes;
  }

  async open(): Promise<void> {
    const { gaps, repair } = await this.#store.open();
    this.#declareLost(gaps);
    await this.flush();
    // Only now may the traces of the loss go.
    if (this.#waiting.length === 0) await repair();
  }

  async put(message: OutMessage): Promise<void> {
    const isState = message.kind === 'reported' || message.kind === 'dropped';
    if (message.kind === 'reported') {
      // Never written and already outdated.
      this.#waiting = this.#waiting.filter((waiting) => waiting.message.kind !== 'reported');
    }
    this.#waiting.push({ message, at: this.#ports.clock.now() });
    if (isState || this.#waiting.length >= bufferMessages) return this.flush();
    this.#timer ??= this.#ports.clock.setTimer(this.#options.flushMs, () => void this.flush());
  }

  flush(): Promise<void> {
    return this.#exclusively(() => this.#writeWaiting());
  }

  attach(publish: Publish): void {
    this.#sender.attach(publish);
  }

  detach(): void {
    this.#sender.detach();
  }

  async receipt({ upTo, missing }: Receipt): Promise<boolean> {
    let isLost = false;
    await this.#exclusively(async () => {
      // A controller that knows more than this outbox: the folder was lost. Its numbers must not be given again.
      await this.#store.skipTo(upTo + 1);
      const isMissing = new Set(missing);
      const stored = [...this.#store.entries()].filter(({ seq }) => seq <= upTo && !isMissing.has(seq));
      this.#store.forget(stored.map(({ seq }) => seq));
      await this.#store.sweep(false);
      const isDeclared = (seq: number) => this.#declared.some(({ from, to }) => from <= seq && seq <= to);
      const gone = missing.filter((seq) => !this.#store.has(seq) && !isDeclared(seq));
      this.#declareLost(gone.map((seq) => ({ from: seq, to: seq })));
      isLost = gone.length > 0;
      if (isLost) await this.#writeWaiting();
      this.#sender.receipted(missing);
    });
    return isLost;
  }

  async close(): Promise<void> {
    this.detach();
    await this.flush();
    this.#timer?.cancel();
  }

  #declareLost(gaps: Gap[]): void {
    const stretches: Gap[] = [];
    for (const { from, to } of gaps) {
      const last = stretches.at(-1);
      if (last?.to === from - 1) last.to = to;
      else stretches.push({ from, to });
    }
    this.#declared.push(...stretches);
    for (const { from, to } of stretches) this.#record(from, to, 'unknown', to - from + 1);
  }

  #record(from: number, to: number, kind: string, count: number): void {
    const dropped = { from: BigInt(from), to: BigInt(to), kind, count };
    this.#waiting.unshift({ message: { kind: 'dropped', dropped }, at: this.#ports.clock.now() });
  }

  /** Writes what waits; on failure it goes on waiting, within bounds, and the timer tries again. */
  async #writeWaiting(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#waiting.length === 0) return;
    try {
      await this.#makeRoom(false);
      await this.#appendWaiting();
    } catch (error) {
      const { code, message } = toCoveyError(error);
      this.#ports.log.write('error', `outbox: ${message}`, { code });
      await this.#afterFailure(code === 'DISK_FULL');
    }
    void this.#sender.pump();
  }

  async #appendWaiting(): Promise<void> {
    if (this.#lostUnsequenced > 0) this.#record(0, 0, 'telemetry', this.#lostUnsequenced);
    this.#lostUnsequenced = 0;
    // A copy: more may come in while these are encoded and written.
    const waiting = [...this.#waiting];
    const frames: Frame[] = [];
    for (const { message, at } of waiting) {
      const seq = this.#store.nextSeq + frames.length;
      const payload = await encodeMessage(message, { seq, bootId: this.#options.bootId, at });
      frames.push({ seq, kind: outKindOf(message), payload });
    }
    await this.#store.append(frames);
    const written = new Set(waiting);
    this.#waiting = this.#waiting.filter((message) => !written.has(message));
  }

  /** Keeps the outbox inside its limits; `isDiskFull`: frees some of it whatever the limits are. */
  async #makeRoom(isDiskFull: boolean): Promise<void> {
    const { messages, bytes } = this.#options.limits;
    const isOver = this.#store.count + this.#waiting.length > messages || this.#store.bytes > bytes;
    if (!isOver && !isDiskFull) return;
    const count = Math.max(
      this.#store.count + this.#waiting.length - messages,
      isDiskFull ? Math.ceil(this.#store.count * evictionShare) : Math.ceil(messages * evictionShare),
    );
    const excessBytes = Math.max(0, this.#store.bytes - bytes);
    const victims = chooseVictims([...this.#store.entries()], count, excessBytes);
    for (const stretch of stretchesOf(victims).reverse()) {
      this.#record(stretch.from, stretch.to, stretch.kind, stretch.count);
    }
    this.#store.forget(victims.map(({ seq }) => seq));
    // On a full disk there is no room for the records before there is room.
    if (!isDiskFull) await this.#appendWaiting();
    await this.#store.sweep(true);
  }

  async #afterFailure(isDiskFull: boolean): Promise<void> {
    if (isDiskFull) {
      try {
        await this.#makeRoom(true);
        await this.#appendWaiting();
        return;
      } catch (error) {
        this.#ports.log.write('error', `outbox: ${toCoveyError(error).message}`);
      }
    }
    this.#boundWaiting();
    this.#timer ??= this.#ports.clock.setTimer(this.#options.flushMs, () => void this.flush());
  }

  /** The disk takes nothing: keeps state and records of loss, loses the oldest telemetry and counts it. */
  #boundWaiting(): void {
    const isTelemetry = ({ message }: Waiting) => !['reported', 'dropped'].includes(message.kind);
    let excess = this.#waiting.filter(isTelemetry).length - bufferMessages;
    this.#waiting = this.#waiting.filter((waiting) => {
      if (excess <= 0 || !isTelemetry(waiting)) return true;
      excess--;
      this.#lostUnsequenced++;
      return false;
    });
  }

  #exclusively(operation: () => Promise<void>): Promise<void> {
    const mine = this.#last.then(operation);
    this.#last = mine.catch((error) => {
      this.#ports.log.write('error', `outbox: ${toCoveyError(error).message}`);
    });
    return mine.catch(() => {});
  }
}
