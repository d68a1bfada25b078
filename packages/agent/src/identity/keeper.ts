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

export function createKeeper(
  ports: Pick<Ports, 'clock' | 'random' | 'fetch' | 'log'>,
  store: IdentityStore,
  handlers: KeeperHandlers,
): Keeper {
  const { clock, random, log } = ports;
  let timer: Timer | undefined;
  let dueAtMs = Number.POSITIVE_INFINITY;
  let isAsking = false;
  let failures = 0;
  let refusal: CoveyError | null = null;
  /** The controller's clock less the monotonic one. */
  let offsetMs: number | undefined;
  let isStopped = false;

  /** Asks after `delayMs`, or before where that is due already. */
  const schedule = (delayMs: number) => {
    const atMs = clock.monotonicMs() + delayMs;
    if (isStopped || isAsking || atMs >= dueAtMs) return;
    timer?.cancel();
    dueAtMs = atMs;
    timer = clock.setTimer(delayMs, () => void run());
  };
  const retry = () =>
    schedule(random.fraction() * Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(failures, 20)));
  const run = async () => {
    isAsking = true;
    try {
      if (await ask()) {
        await renewCertificate(ports, store);
        log.write('info', 'the certificate is renewed');
        if (!isStopped) handlers.renewed();
      }
      failures = 0;
      refusal = null;
    } catch (thrown) {
      const error = toCoveyError(thrown);
      failures++;
      if (refusals.includes(error.code)) refusal = error;
      log.write(refusal === error ? 'error' : 'warn', `identity: ${error.message}`, { code: error.code });
    }
    isAsking = false;
    dueAtMs = Number.POSITIVE_INFINITY;
    if (failures > 0) retry();
    else schedule((0.5 + random.fraction()) * intervalMs);
  };
  /** Whether a renewal is due. An expired certificate is told nothing but that. */
  const ask = async (): Promise<boolean> => {
    try {
      const standing = await askStanding(ports, store);
      offsetMs = standing.now - clock.monotonicMs();
      return standing.renewalDue;
    } catch (error) {
      if (toCoveyError(error).code === 'CERTIFICATE_EXPIRED') return true;
      throw error;
    }
  };
  return {
    now: () => (offsetMs === undefined ? clock.now() : offsetMs + clock.monotonicMs()),
    get refusal() {
      return refusal;
    },
    online: () => {
      store.settle().catch((error) => log.write('warn', `identity: ${toCoveyError(error).message}`));
      schedule(random.fraction() * spreadMs);
    },
    failed: retry,
    stop: () => {
      isStopped = true;
      timer?.cancel();
    },
  };
}
