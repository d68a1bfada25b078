import type { Clock, Ports, Timer } from '@covey/ports';
import type { LinkSettings, ReportedLink } from '@covey/protocol';
import { advanceDeadMan, type DeadManEvent } from '../deadman/index.ts';
import type { IdentityStore, LinkChange, LinkWays } from '../identity/index.ts';

/** Changes of the way to the controller: pending until the controller is heard by the new way, else taken back. */
export interface LinkTrial {
  /** Of the last change; undefined: there was none. */
  readonly reported: ReportedLink | undefined;
  /** Counts a start of the agent with a change pending. Errors: those of the disk. */
  start(): Promise<void>;
  stop(): void;
  /** The controller wants to be reached so; undefined: it says nothing of it. Errors: those of the disk; then nothing has changed. */
  want(link: LinkSettings | undefined): Promise<void>;
  /** What could not be tried when it was wanted may be tried now. Errors: those of the disk. */
  retry(): Promise<void>;
  /** The controller was heard. */
  heard(): Promise<void>;
  /** A connection did not come up; the last such is the reason when the change is taken back. */
  failed(message: string): void;
}

export interface LinkTrialHandlers {
  /** Of two changes that can cost the contact one is pending at a time. */
  mayTry(): boolean;
  /** The way has changed: connect anew. */
  moved(): void;
  event(kind: string, message: string): void;
  /** `reported` has changed. */
  changed(): void;
}

export function createLinkTrial(
  { clock }: Pick<Ports, 'clock'>,
  store: IdentityStore,
  handlers: LinkTrialHandlers,
): LinkTrial {
  return new StoredLinkTrial(clock, store, handlers);
}

class StoredLinkTrial implements LinkTrial {
  readonly #clock: Clock;
  readonly #store: IdentityStore;
  readonly #handlers: LinkTrialHandlers;
  #timer: Timer | null = null;
  #lastFailure: string | null = null;
  #wanted: LinkSettings | undefined;

  constructor(clock: Clock, store: IdentityStore, handlers: LinkTrialHandlers) {
    this.#clock = clock;
    this.#store = store;
    this.#handlers = handlers;
  }

  get reported(): ReportedLink | undefined {
    return reportedOf(this.#store.link);
  }

  async start(): Promise<void> {
    await this.#tell({ kind: 'started' });
    this.#wait();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  want(link: LinkSettings | undefined): Promise<void> {
    this.#wanted = link;
    return this.retry();
  }

  async retry(): Promise<void> {
    if (!this.#wanted || !this.#handlers.mayTry()) return;
    const { id, mqttUrl, deviceUrl, caPem, withinMs } = this.#wanted;
    this.#wanted = undefined;
    const { link, ways: before } = this.#store;
    const deadMan = advanceDeadMan(link.deadMan, { kind: 'tried', id });
    if (deadMan === link.deadMan) return;
    this.#lastFailure = null;
    const ways: LinkWays = { mqttUrl, deviceUrl, addedCaPem: caPem };
    const change = { deadMan, before, withinMs, reason: null };
    if (!isSame(before, ways)) return this.#save(change, ways);
    // What holds already needs no proof but the contact by which it was offered.
    await this.#save({ ...change, deadMan: advanceDeadMan(deadMan, { kind: 'contact' }) });
  }

  heard(): Promise<void> {
    return this.#tell({ kind: 'contact' });
  }

  failed(message: string): void {
    this.#lastFailure = message;
  }

  async #tell(event: Exclude<DeadManEvent, { kind: 'tried' }>): Promise<void> {
    const { link, identity } = this.#store;
    const deadMan = advanceDeadMan(link.deadMan, event);
    if (deadMan === link.deadMan) return;
    if (deadMan.state === 'takenBack') {
      const reason = reasonOf(event, link.withinMs, identity.mqttUrl, this.#lastFailure);
      await this.#save({ ...link, deadMan, reason }, link.before ?? undefined);
      this.#handlers.event('link-taken-back', `${deadMan.id}: ${reason}`);
    } else await this.#save({ ...link, deadMan });
    if (deadMan.state === 'kept')
      this.#handlers.event('link-kept', `contact by the link ${deadMan.id}: it holds`);
  }

  /** One write for the change and what is known of it. */
  async #save(link: LinkChange, ways?: LinkWays): Promise<void> {
    await this.#store.save({ link, ...ways });
    this.#wait();
    this.#handlers.changed();
    if (ways) this.#handlers.moved();
  }

  #wait(): void {
    this.#timer?.cancel();
    const { deadMan, withinMs } = this.#store.link;
    if (deadMan.state !== 'pending') return;
    // Where the disk takes no note now, it is taken back after as long again.
    const timeOver = () => void this.#tell({ kind: 'timeOver' }).catch(() => this.#wait());
    this.#timer = this.#clock.setTimer(withinMs, timeOver);
  }
}

function isSame(one: LinkWays, other: LinkWays): boolean {
  return (
    one.mqttUrl === other.mqttUrl &&
    one.deviceUrl === other.deviceUrl &&
    (one.addedCaPem ?? '') === (other.addedCaPem ?? '')
  );
}

function reasonOf(event: { kind: string }, withinMs: number, url: string, failure: string | null): string {
  if (event.kind === 'started') return `the agent started again and again without contact by ${url}`;
  return `no contact by ${url} within ${withinMs / 1_000} s${failure === null ? '' : `: ${failure}`}`;
}

function reportedOf({ deadMan, reason }: LinkChange): ReportedLink | undefined {
  if (deadMan.state === 'steady' || deadMan.id === null) return undefined;
  return { id: deadMan.id, state: deadMan.state, ...(reason !== null && { reason: reason.slice(0, 500) }) };
}
