import type { Clock, LinkOptions } from '@covey/ports';
import { CoveyError } from '@covey/protocol';

/** One MQTT connection: two ends that may disagree for a while on whether it is open, and two lanes that keep their order. */
export class Connection {
  readonly options: LinkOptions;
  readonly topics = new Set<string>();
  isOpenAtDevice = true;
  isOpenAtBroker = true;
  /** Nothing passes any more, and no end knows yet. */
  isDeaf = false;
  readonly closedAtBroker: Promise<void>;
  readonly #clock: Clock;
  readonly #closedAtDevice = Promise.withResolvers<never>();
  readonly #brokerClosed = Promise.withResolvers<void>();
  #upFreeAtMs = 0;
  #downFreeAtMs = 0;

  constructor(clock: Clock, options: LinkOptions) {
    this.#clock = clock;
    this.options = options;
    this.closedAtBroker = this.#brokerClosed.promise;
    // Whoever waits on the device's side is told; often nobody does.
    this.#closedAtDevice.promise.catch(() => {});
  }

  /** Resolves when a message sent now has arrived at the broker; never when it is lost. */
  up(delayMs: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    this.#upFreeAtMs = Math.max(this.#upFreeAtMs, nowMs + delayMs);
    return this.#cross(this.#upFreeAtMs - nowMs, () => this.isOpenAtBroker);
  }

  /** The same towards the device. */
  down(delayMs: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    this.#downFreeAtMs = Math.max(this.#downFreeAtMs, nowMs + delayMs);
    return this.#cross(this.#downFreeAtMs - nowMs, () => this.isOpenAtDevice);
  }

  /** `work`, or UNREACHABLE when the device's end closes before. */
  untilClosed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#closedAtDevice.promise]);
  }

  closeAtDevice(reason: string): void {
    if (!this.isOpenAtDevice) return;
    this.isOpenAtDevice = false;
    this.#closedAtDevice.reject(new CoveyError('UNREACHABLE', reason));
    this.options.onClose(reason);
  }

  closeAtBroker(): void {
    this.isOpenAtBroker = false;
    this.#brokerClosed.resolve();
  }

  #cross(waitMs: number, isOpen: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimer(waitMs, () => {
        if (!this.isDeaf && isOpen()) resolve();
      });
    });
  }
}
