import type { Clock } from '@covey/ports';
import { CoveyError, type InferenceCaller, limits, localCaller } from '@covey/protocol';
import { admission } from './rate.ts';
import type { Refusals } from './refusals.ts';
import type { Usage } from './usage.ts';

/**
 * What a request is about: `server` says nothing of any model, `models` something of all, `administration` costs all of them
 * time, `repository` changes what is served.
 */
export type Reach = 'server' | 'models' | 'administration' | 'repository' | { model: string };

/** Bytes of bodies that a caller has in memory. */
export interface BodyShare {
  heldBytes: number;
  readonly limitBytes: number;
}

/** Who asks, on whichever connection. */
export interface Caller {
  readonly name: string;
  readonly bodies: BodyShare;
  /**
   * To be called before anything is read; what it gives back is called when the request is over. Errors: UNAUTHENTICATED (not
   * known any more), LimitError with RATE_LIMITED or QUOTA_EXHAUSTED.
   */
  admit(): () => void;
  /** Errors: FORBIDDEN. */
  check(reach: Reach): void;
}

/** Tells who asks. */
export interface Callers {
  /** `authorization`: the header. Errors: UNAUTHENTICATED. */
  identify(authorization: unknown, address: string | undefined): Caller;
}

/** Too much for now. */
export class LimitError extends CoveyError {
  /** Seconds, rounded up. */
  readonly retryAfterSeconds: number;
  constructor(code: 'RATE_LIMITED' | 'QUOTA_EXHAUSTED', message: string, waitMs: number) {
    super(code, message);
    this.retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
  }
}

/** Nobody's limits: programs on this machine, where no tokens file says otherwise. */
export const openCallers: Callers = { identify: () => openCaller };

const openCaller: Caller = {
  name: localCaller,
  bodies: { heldBytes: 0, limitBytes: Number.POSITIVE_INFINITY },
  admit: () => () => {},
  check: (reach) => {
    if (reach === 'repository') throw repositoryRefusal(localCaller);
  },
};

/** What is served is the release's to say, so nobody else changes it whom the tokens file has not made an administrator. */
function repositoryRefusal(name: string): CoveyError {
  return new CoveyError(
    'FORBIDDEN',
    `${name} may not load and unload models, which the release does: see "admin" of the tokens file`,
  );
}

/** What is kept of a caller from request to request, and from one tokens file to the next. */
export interface CallerState {
  filledMs: number;
  running: number;
  readonly bodies: BodyShare;
}

/** A caller leaves memory for others, and room in the queues of models. */
const bodyShareBytes = limits.inferenceBodyBytes;
const defaultConcurrency = 16;
/** What a place takes to become free is not known. */
const placeWaitMs = 1_000;

export function newState(name: string): CallerState {
  const limitBytes = name === localCaller ? Number.POSITIVE_INFINITY : bodyShareBytes;
  return { filledMs: 0, running: 0, bodies: { heldBytes: 0, limitBytes } };
}

interface Parts {
  clock: Clock;
  usage: Usage;
  refusals: Refusals;
  /** The caller as the tokens file has it now. Errors: UNAUTHENTICATED. */
  current(): InferenceCaller;
  state: CallerState;
}

/** A caller of the tokens file. */
export class KnownCaller implements Caller {
  readonly name: string;
  readonly #parts: Parts;

  constructor(name: string, parts: Parts) {
    this.name = name;
    this.#parts = parts;
  }

  get bodies(): BodyShare {
    return this.#parts.state.bodies;
  }

  admit(): () => void {
    return this.#noting(() => {
      const { clock, usage, current, state } = this.#parts;
      const { concurrency, requestsPerSecond, burst, requestsPerDay } = current();
      const places =
        concurrency ?? (this.name === localCaller ? Number.POSITIVE_INFINITY : defaultConcurrency);
      if (state.running >= places) {
        throw new LimitError('RATE_LIMITED', `${places} requests of ${this.name} run at a time`, placeWaitMs);
      }
      let { filledMs } = state;
      if (requestsPerSecond !== undefined) {
        const rate = { perSecond: requestsPerSecond, burst: burst ?? Math.ceil(requestsPerSecond) };
        const asked = admission(rate, filledMs, clock.monotonicMs());
        if (!asked.admitted) {
          const message = `${this.name} may send ${requestsPerSecond} requests a second`;
          throw new LimitError('RATE_LIMITED', message, asked.waitMs);
        }
        filledMs = asked.filledMs;
      }
      if (requestsPerDay !== undefined && !usage.take(this.name, requestsPerDay)) {
        const message = `${this.name} has sent the ${requestsPerDay} requests of this day`;
        throw new LimitError('QUOTA_EXHAUSTED', message, usage.restMs());
      }
      // Only what is admitted is charged.
      state.filledMs = filledMs;
      state.running++;
      let isOver = false;
      return () => {
        if (!isOver) state.running--;
        isOver = true;
      };
    });
  }

  check(reach: Reach): void {
    this.#noting(() => {
      const { models, admin } = this.#parts.current();
      if (reach === 'repository' && !admin) throw repositoryRefusal(this.name);
      if (reach === 'administration' && !(admin ?? this.name === localCaller)) {
        throw new CoveyError('FORBIDDEN', `${this.name} may not profile models`);
      }
      if (models === undefined || reach === 'server') return;
      if (typeof reach === 'string') {
        throw new CoveyError(
          'FORBIDDEN',
          `${this.name} may ask for ${models.join(', ') || 'no model'} alone`,
        );
      }
      if (!models.includes(reach.model)) {
        throw new CoveyError('FORBIDDEN', `${this.name} may not use model ${reach.model.slice(0, 100)}`);
      }
    });
  }

  #noting<T>(decide: () => T): T {
    try {
      return decide();
    } catch (error) {
      if (error instanceof CoveyError) this.#parts.refusals.note(this.name, error.code);
      throw error;
    }
  }
}
