import type { Clock, Ports, Timer } from '@covey/ports';
import { type LinkSettings, type ReportedLink, toCoveyError } from '@covey/protocol';
import { advanceDeadMan, type DeadManEvent } from '../deadman/index.ts';
import type { IdentityStore, LinkChange, LinkWays } from '../identity/index.ts';
import { createTurns } from '../slots/index.ts';

/** Until the controller answers at the new device address, it is asked so long after each failure. */
const askAgainMs = 10_000;

/**
 * Changes of the way to the controller: pending until the controller was heard in a session by the new way and has answered at its
 * device address, from which downloads and renewals come; else taken back. A session over WebSocket is one too, as some networks
 * let nothing else through: what is kept by it says so.
 */
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
  /** The controller was heard in a session by `url`. */
  heard(url: string): void;
  /** A connection did not come up; the last such is the reason when the change is taken back. */
  failed(message: string): void;
}

export interface LinkTrialHandlers {
  /** Of two changes that can cost the contact one is pending at a time. */
  mayTry(): boolean;
  /** Resolves when the controller has answered at the device address, and knows this device. Errors: those of `askStanding`. */
  ask(): Promise<unknown>;
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
  #sessionFailure: string | null = null;
  /** Of the session by which the controller was heard since the trial began, or the agent. */
  #sessionUrl: string | null = null;
  /** The change for which the controller is being asked at the device address, until it answers. */
  #askingFor: string | null = null;
  #askTimer: Timer | null = null;
  #askFailure: string | null = null;
  #wanted: LinkSettings | undefined;
  /** Contact that comes when the time is over is one or the other, however long the disk takes. */
  readonly #inTurn = createTurns();

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
    this.#askNoMore();
  }

  want(link: LinkSettings | undefined): Promise<void> {
    this.#wanted = link;
    return this.retry();
  }

  retry(): Promise<void> {
    return this.#inTurn(() => this.#try());
  }

  async #try(): Promise<void> {
    if (!this.#wanted || !this.#handlers.mayTry()) return;
    const { id, mqttUrl, deviceUrl, caPem, withinMs } = this.#wanted;
    this.#wanted = undefined;
    const { link, ways: before } = this.#store;
    const deadMan = advanceDeadMan(link.deadMan, { kind: 'tried', id });
    if (deadMan === link.deadMan) return;
    this.#askNoMore();
    this.#sessionFailure = this.#sessionUrl = this.#askFailure = null;
    const ways: LinkWays = { mqttUrl, deviceUrl, addedCaPem: caPem };
    const change = { deadMan, before, withinMs, reason: null };
    if (!isSame(before, ways)) return this.#save(change, ways);
    // What holds already needs no proof but the contact by which it was offered.
    await this.#save({ ...change, deadMan: advanceDeadMan(deadMan, { kind: 'contact' }) });
  }

  heard(url: string): void {
    const { state, id } = this.#store.link.deadMan;
    if (state !== 'pending' || id === null) return;
    this.#sessionUrl = url;
    if (this.#askingFor === id) return;
    this.#askingFor = id;
    void this.#ask(id);
  }

  failed(message: string): void {
    this.#sessionFailure = message;
  }

  /** An answer counts for the change for which it was asked. */
  async #ask(id: string): Promise<void> {
    try {
      await this.#handlers.ask();
      if (this.#askingFor !== id) return;
      await this.#tell({ kind: 'contact' });
      this.#askNoMore();
    } catch (error) {
      if (this.#askingFor !== id) return;
      this.#askFailure = toCoveyError(error).message;
      this.#askTimer = this.#clock.setTimer(askAgainMs, () => void this.#ask(id));
    }
  }

  #askNoMore(): void {
    this.#askTimer?.cancel();
    this.#askingFor = null;
  }

  #tell(event: Exclude<DeadManEvent, { kind: 'tried' }>): Promise<void> {
    return this.#inTurn(() => this.#advance(event));
  }

  async #advance(event: Exclude<DeadManEvent, { kind: 'tried' }>): Promise<void> {
    const { link } = this.#store;
    const deadMan = advanceDeadMan(link.deadMan, event);
    if (deadMan === link.deadMan) return;
    if (deadMan.state === 'takenBack') {
      const reason = this.#whyTakenBack(event);
      this.#askNoMore();
      await this.#save({ ...link, deadMan, reason }, link.before ?? undefined);
      this.#handlers.event('link-taken-back', `${deadMan.id}: ${reason}`);
    } else if (deadMan.state === 'kept') {
      const reason = this.#whatLacks();
      await this.#save({ ...link, deadMan, reason });
      const but = reason === null ? '' : `, but ${reason}`;
      this.#handlers.event('link-kept', `contact by the link ${deadMan.id}: it holds${but}`);
    } else await this.#save({ ...link, deadMan });
  }

  #whyTakenBack({ kind }: DeadManEvent): string {
    const { mqttUrl, deviceUrl } = this.#store.identity;
    if (kind === 'started')
      return `the agent started again and again without contact by ${mqttUrl} and ${deviceUrl}`;
    const [what, failure] =
      this.#sessionUrl === null
        ? [`contact by ${mqttUrl}`, this.#sessionFailure]
        : [`answer of the controller at ${deviceUrl}`, this.#askFailure];
    const within = `within ${this.#store.link.withinMs / 1_000} s`;
    return `no ${what} ${within}${failure === null ? '' : `: ${failure}`}`;
  }

  /** Of what is kept nevertheless; null: nothing. */
  #whatLacks(): string | null {
    const { mqttUrl, deviceUrl } = this.#store.identity;
    if (this.#sessionUrl === mqttUrl) return null;
    const failure = this.#sessionFailure === null ? '' : `: ${this.#sessionFailure}`;
    return `the session is over WebSocket at ${deviceUrl}, not by ${mqttUrl}${failure}`;
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

function reportedOf({ deadMan, reason }: LinkChange): ReportedLink | undefined {
  if (deadMan.state === 'steady' || deadMan.id === null) return undefined;
  return { id: deadMan.id, state: deadMan.state, ...(reason !== null && { reason: reason.slice(0, 500) }) };
}
