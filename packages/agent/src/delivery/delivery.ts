import type { Clock, Disk } from '@covey/ports';
import { CoveyError, type DeliveryPolicy, type Desired, openDelivery } from '@covey/protocol';
import { type DeliveryConditions, type DeliveryPhase, mayProceed, type NeededBytes } from './decide.ts';
import { Held } from './held.ts';
import { readHold, readMetered } from './local.ts';
import { addBytes, addFailedTransfer, readUsage, type Usage, usageFor, writeUsage } from './usage.ts';
import { dayOf } from './windows.ts';

export interface DeliveryOptions {
  deviceId: string;
  /** The device's data folder, where `hold.json` and `network.json` may lie, and the one for its state. */
  folder: string;
  stateFolder: string;
  /** Where no `network.json` says otherwise. */
  isMetered: boolean;
  timeZone: string;
}

/** What was ordered, as far as its delivery is concerned. */
export type Order = Pick<Desired, 'delivery' | 'setBy' | 'setAt' | 'now'>;

/** Where nobody ordered anything. */
export const noOrder: Order = { setBy: { kind: 'operator', id: '' }, setAt: 0, now: 0 };

/** One order's way through the policy. Every method throws `Held` where it may not go on. */
export interface Passage {
  readonly policy: DeliveryPolicy;
  /** A rate or a budget is kept to: one request at a time, each as large as `admit` says. */
  readonly isBounded: boolean;
  pass(phase: DeliveryPhase, needed: NeededBytes | null): Promise<void>;
  /** Waits until more may come, and says how many bytes at a time may be asked for. */
  admit(signal: AbortSignal): Promise<number>;
  /** Counts bytes that came. */
  count(bytes: number): Promise<void>;
  /** Whether a transfer of this name decoded to something else before. */
  hasFailed(transfer: string): boolean;
  noteFailed(transfer: string): Promise<void>;
  /** Writes the exact count. */
  end(): Promise<void>;
}

/** Two looks at the conditions are not further apart than this. */
const lookBytes = 256 * 1024;
const lookMs = 5_000;
/** How far the count on disk may be ahead, within a sixteenth of what is left: what a crash costs of a budget. */
const aheadBytes = { least: 16 * 1024, most: 4 * 1024 * 1024, shareOfLeft: 1 / 16 };
/** Shortest stretch asked for at a time where the rate is limited: less would be all headers. */
const stretchBytes = 64 * 1024;

/** Begins with what was counted before. Errors: those of the disk. */
export async function openPassage(
  ports: { clock: Clock; disk: Disk },
  options: DeliveryOptions,
  order: Order,
): Promise<Passage> {
  const passage = new CountedPassage(ports, options, order);
  await passage.open();
  return passage;
}

class CountedPassage implements Passage {
  readonly policy: DeliveryPolicy;
  readonly #clock: Clock;
  readonly #disk: Disk;
  readonly #options: DeliveryOptions;
  readonly #order: Order;
  #usage: Usage;
  #isMetered = false;
  /** Bytes since the last look, bytes that the disk knows of ahead, and when the rate lets more come. */
  #sinceLook = 0;
  #lookedAtMs = 0;
  #aheadBytes = 0;
  #nextAtMs = 0;

  constructor(ports: { clock: Clock; disk: Disk }, options: DeliveryOptions, order: Order) {
    this.policy = order.delivery ?? openDelivery;
    this.#clock = ports.clock;
    this.#disk = ports.disk;
    this.#options = options;
    this.#order = order;
    this.#usage = usageFor(undefined, order.setBy.id, this.#day());
  }

  async open(): Promise<void> {
    const before = await readUsage(this.#disk, this.#options.stateFolder);
    this.#usage = usageFor(before, this.#order.setBy.id, this.#day());
  }

  get isBounded(): boolean {
    return this.policy.device.bytesPerSecond !== undefined || this.#hasBudget();
  }

  async pass(phase: DeliveryPhase, needed: NeededBytes | null): Promise<void> {
    const now = this.#now();
    const decision = mayProceed(this.policy, await this.#conditions(phase, needed), now);
    if (decision.kind === 'go') return;
    const { code, message, until } = decision;
    if (until === null) throw new Held(code, message, null);
    throw new Held(code, `${message} (until ${new Date(until).toISOString()})`, until - now);
  }

  async admit(signal: AbortSignal): Promise<number> {
    await this.#wait(this.#nextAtMs - this.#clock.monotonicMs(), signal);
    await this.pass('download', null);
    const { bytesPerSecond } = this.policy.device;
    const pacedBytes = bytesPerSecond === undefined ? null : Math.max(stretchBytes, bytesPerSecond);
    const unlimited = Number.POSITIVE_INFINITY;
    if (!this.#hasBudget()) return pacedBytes ?? unlimited;
    // What a budget is spent on is asked for only when the disk knows of it.
    if (this.#aheadBytes <= 0) await this.#writeAhead();
    return Math.max(1, Math.min(pacedBytes ?? unlimited, this.#aheadBytes));
  }

  async count(bytes: number): Promise<void> {
    this.#usage = addBytes(this.#usage, bytes, this.#isMetered);
    const { bytesPerSecond } = this.policy.device;
    if (bytesPerSecond !== undefined) {
      const fromMs = Math.max(this.#nextAtMs, this.#clock.monotonicMs());
      this.#nextAtMs = fromMs + (bytes * 1_000) / bytesPerSecond;
    }
    this.#aheadBytes -= bytes;
    if (this.#aheadBytes < 0 && this.#hasBudget()) await this.#writeAhead();
    this.#sinceLook += bytes;
    if (this.#sinceLook < lookBytes && this.#clock.monotonicMs() - this.#lookedAtMs < lookMs) return;
    await this.pass('download', null);
  }

  hasFailed(transfer: string): boolean {
    return this.#usage.failedTransfers.includes(transfer);
  }

  async noteFailed(transfer: string): Promise<void> {
    this.#usage = addFailedTransfer(this.#usage, transfer);
    await this.end();
  }

  async end(): Promise<void> {
    this.#aheadBytes = 0;
    await writeUsage(this.#disk, this.#options.stateFolder, this.#usage);
  }

  async #conditions(phase: DeliveryPhase, needed: NeededBytes | null): Promise<DeliveryConditions> {
    const { deviceId, folder, timeZone, isMetered } = this.#options;
    this.#sinceLook = 0;
    this.#lookedAtMs = this.#clock.monotonicMs();
    this.#usage = usageFor(this.#usage, this.#order.setBy.id, this.#day());
    this.#isMetered = await readMetered(this.#disk, folder, isMetered);
    return {
      phase,
      deviceId,
      orderId: this.#order.setBy.id,
      orderedAt: this.#order.setAt,
      timeZone,
      isMetered: this.#isMetered,
      veto: await readHold(this.#disk, folder, this.#now()),
      used: this.#usage,
      needed,
    };
  }

  /** What budgets still allow. */
  #leftBytes(): number {
    const { device, meteredLink } = this.policy;
    const { bytes, todayBytes, meteredBytes } = this.#usage;
    const lefts = [
      device.bytes === undefined ? null : device.bytes - bytes,
      device.bytesPerDay === undefined ? null : device.bytesPerDay - todayBytes,
      this.#isMetered && typeof meteredLink === 'object' ? meteredLink.upToBytes - meteredBytes : null,
    ];
    return Math.min(...lefts.map((left) => left ?? Number.POSITIVE_INFINITY));
  }

  #hasBudget(): boolean {
    const { device, meteredLink } = this.policy;
    return device.bytes !== undefined || device.bytesPerDay !== undefined || typeof meteredLink === 'object';
  }

  async #writeAhead(): Promise<void> {
    // No further than the budget goes: a crash must not spend what is left of it.
    const leftBytes = Math.max(0, this.#leftBytes());
    this.#aheadBytes = Math.min(
      leftBytes,
      aheadBytes.most,
      Math.max(aheadBytes.least, Math.floor(leftBytes * aheadBytes.shareOfLeft)),
    );
    const ahead = addBytes(this.#usage, this.#aheadBytes, this.#isMetered);
    await writeUsage(this.#disk, this.#options.stateFolder, ahead);
  }

  #day(): string {
    return dayOf(this.#options.timeZone, this.#now());
  }

  /** Not before the controller's own time when it sent the order: some devices have no clock that outlives them. */
  #now(): number {
    return Math.max(this.#clock.now(), this.#order.now);
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(ms, resolve);
      signal.addEventListener('abort', () => {
        timer.cancel();
        reject(new CoveyError('CANCELLED', 'the download was cancelled'));
      });
    });
  }
}
