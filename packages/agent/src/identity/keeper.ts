import type { Ports, Timer } from '@covey/ports';
import { type CoveyError, type ErrorCode, toCoveyError } from '@covey/protocol';
import type { IdentityStore } from './identity.ts';
import { askStanding, renewCertificate } from './renewal.ts';

/** After a connection came up devices ask within this time, not all at once. */
const spreadMs = 30_000;
const intervalMs = 6 * 3_600_000;
/** While the connection does not come up: asked again after up to so long, doubled each time. */
const backoff = { baseMs: 10_000, capMs: 3_600_000 } as const;

/** Codes by which the controller says that this identity is no longer good. */
const refusals: readonly ErrorCode[] = [
  'DEVICE_REVOKED',
  'DEVICE_QUARANTINED',
  'CERTIFICATE_SUPERSEDED',
  'CERTIFICATE_UNKNOWN',
];

export interface KeeperHandlers {
  /** The identity has changed: connections are to be made anew. */
  renewed(): void;
}

/** Keeps the identity good: asks the controller now and then, renews the certificate, notes why it is refused. */
export interface Keeper {
  /** Unix milliseconds by the controller's clock, as soon as it was heard; by this machine's before. */
  now(): number;
  /** Why the controller refuses this device; null: it does not, as far as is known. */
  readonly refusal: CoveyError | null;
  /** The MQTT session is up. */
  online(): void;
  /** The MQTT session did not come up: the certificate may be the reason. */
  failed(): void;
  stop(): void;
}

type KeeperPorts = Pick<Ports, 'clock' | 'random' | 'fetch' | 'log'>;

export function createKeeper(ports: KeeperPorts, store: IdentityStore, handlers: KeeperHandlers): Keeper {
  return new IdentityKeeper(ports, store, handlers);
}

class IdentityKeeper implements Keeper {
  readonly #ports: KeeperPorts;
  readonly #store: IdentityStore;
  readonly #handlers: KeeperHandlers;
  #timer: Timer | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #isAsking = false;
  #failures = 0;
  /** The controller's clock less the monotonic one. */
  #offsetMs: number | undefined;
  #isStopped = false;
  refusal: CoveyError | null = null;

  constructor(ports: KeeperPorts, store: IdentityStore, handlers: KeeperHandlers) {
    this.#ports = ports;
    this.#store = store;
    this.#handlers = handlers;
  }

  now(): number {
    const { clock } = this.#ports;
    return this.#offsetMs === undefined ? clock.now() : this.#offsetMs + clock.monotonicMs();
  }

  online(): void {
    const { log, random } = this.#ports;
    this.#store.settle().catch((error) => log.write('warn', `identity: ${toCoveyError(error).message}`));
    this.#schedule(random.fraction() * spreadMs);
  }

  failed(): void {
    const longestMs = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(this.#failures, 20));
    this.#schedule(this.#ports.random.fraction() * longestMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Asks after `delayMs`, or before where that is due already. */
  #schedule(delayMs: number): void {
    const { clock } = this.#ports;
    const atMs = clock.monotonicMs() + delayMs;
    if (this.#isStopped || this.#isAsking || atMs >= this.#dueAtMs) return;
    this.#timer?.cancel();
    this.#dueAtMs = atMs;
    this.#timer = clock.setTimer(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    const { log, random } = this.#ports;
    this.#isAsking = true;
    try {
      if (await this.#isRenewalDue()) {
        await renewCertificate(this.#ports, this.#store);
        log.write('info', 'the certificate is renewed');
        if (!this.#isStopped) this.#handlers.renewed();
      }
      this.#failures = 0;
      this.refusal = null;
    } catch (thrown) {
      const error = toCoveyError(thrown);
      this.#failures++;
      const isRefusal = refusals.includes(error.code);
      if (isRefusal) this.refusal = error;
      log.write(isRefusal ? 'error' : 'warn', `identity: ${error.message}`, { code: error.code });
    }
    this.#isAsking = false;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    if (this.#failures > 0) this.failed();
    else this.#schedule((0.5 + random.fraction()) * intervalMs);
  }

  /** An expired certificate is told nothing but that. */
  async #isRenewalDue(): Promise<boolean> {
    try {
      const standing = await askStanding(this.#ports, this.#store);
      this.#offsetMs = standing.now - this.#ports.clock.monotonicMs();
      return standing.renewalDue;
    } catch (error) {
      if (toCoveyError(error).code === 'CERTIFICATE_EXPIRED') return true;
      throw error;
    }
  }
}
