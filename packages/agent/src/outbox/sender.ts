import type { Ports, Timer } from '@covey/ports';
import { toCoveyError } from '@covey/protocol';
import type { OutKind } from './encode.ts';
import type { MessageStore } from './store.ts';

export type Publish = (kind: OutKind, payload: Uint8Array) => Promise<void>;

/** Messages sent and not receipted, at most. */
const windowMessages = 256;
/** Without a receipt for this long the controller is asked anew, from the oldest on. */
const stallMs = 30_000;
/** A message reported missing is sent again, but not while its last sending may still be under way. */
const resendMs = 10_000;

/** Sends in order and again after a reconnect. A broker's acknowledgement means nothing here: only a receipt does. */
export class Sender {
  readonly #ports: Pick<Ports, 'clock' | 'log'>;
  readonly #store: MessageStore;
  #publish: Publish | null = null;
  #sentUpTo = 0;
  #isSending = false;
  #stall: Timer | null = null;
  readonly #resentAt = new Map<number, number>();

  constructor(ports: Pick<Ports, 'clock' | 'log'>, store: MessageStore) {
    this.#ports = ports;
    this.#store = store;
  }

  attach(publish: Publish): void {
    this.#publish = publish;
    this.#sentUpTo = 0;
    void this.pump();
  }

  detach(): void {
    this.#publish = null;
    this.#stall?.cancel();
    this.#stall = null;
  }

  /** Sends what may be sent now. */
  async pump(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      for (let next = this.#next(); next !== undefined && this.#publish; next = this.#next()) {
        this.#sentUpTo = next.seq;
        await this.#send(next.seq, next.kind);
      }
    } finally {
      this.#isSending = false;
    }
  }

  receipted(missing: number[]): void {
    this.#stall?.cancel();
    this.#stall = null;
    const nowMs = this.#ports.clock.monotonicMs();
    for (const seq of this.#resentAt.keys()) if (!this.#store.has(seq)) this.#resentAt.delete(seq);
    const isMissing = new Set(missing);
    for (const entry of this.#store.entries()) {
      if (entry.seq > this.#sentUpTo) break;
      // What is under way still needs a receipt, or it is asked for again.
      this.#awaitReceipt();
      if (!isMissing.has(entry.seq)) continue;
      if (nowMs - (this.#resentAt.get(entry.seq) ?? Number.NEGATIVE_INFINITY) < resendMs) continue;
      this.#resentAt.set(entry.seq, nowMs);
      void this.#send(entry.seq, entry.kind);
    }
    void this.pump();
  }

  #next() {
    let ahead = 0;
    for (const entry of this.#store.entries()) {
      if (entry.seq > this.#sentUpTo) return entry;
      if (++ahead >= windowMessages) return undefined;
    }
    return undefined;
  }

  async #send(seq: number, kind: OutKind): Promise<void> {
    const publish = this.#publish;
    if (!publish) return;
    try {
      const payload = await this.#store.payload(seq);
      // Not awaited: order is the link's, and its acknowledgement says nothing that is used.
      publish(kind, payload).catch((error) => this.#note(error));
      this.#awaitReceipt();
    } catch (error) {
      this.#note(error);
    }
  }

  #awaitReceipt(): void {
    if (this.#publish) this.#stall ??= this.#ports.clock.setTimer(stallMs, () => this.#restart());
  }

  #restart(): void {
    this.#stall = null;
    this.#sentUpTo = 0;
    void this.pump();
  }

  #note(error: unknown): void {
    const { code, message } = toCoveyError(error);
    this.#ports.log.write('debug', 'message not sent', { code, message });
  }
}
