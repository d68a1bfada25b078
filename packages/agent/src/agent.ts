import type { Ports, Timer } from '@covey/ports';
import {
  CoveyError,
  type DownKind,
  type Metrics,
  parseDocument,
  ReceiptSchema,
  type Reported,
  toCoveyError,
} from '@covey/protocol';
import { type Commands, createCommands } from './commands/index.ts';
import { type Contact, createContact } from './contact.ts';
import { damageOf } from './damage.ts';
import { type LocalWatch, watchLocal } from './delivery/index.ts';
import { readDesired } from './desired/index.ts';
import { openDeviceFolder } from './folder/index.ts';
import { openIdentityOrLost } from './identity/index.ts';
import type { Inbox } from './inbox/index.ts';
import { openLedger } from './ledger/index.ts';
import type { ConnectionHandlers } from './link/index.ts';
import type { Agent, AgentOptions, AgentStatus } from './options.ts';
import type { Outbox } from './outbox/index.ts';
import { countAndRecord, openParts, type Parts, scrubOf, stepContext, supervisorSettings } from './parts.ts';
import { birthOf, reportOf, withSystem } from './report/index.ts';
import { createSupervisor, type Supervisor } from './runtime/index.ts';
import type { Scrub } from './scrub/index.ts';
import { servingHandlers } from './serving.ts';
import type { Software } from './software/index.ts';
import { noteLasted } from './starts/index.ts';
import type { Trust } from './trust/index.ts';
import { isSettled, isSoftwareOnTrial } from './update/index.ts';
import { createUpdater, ledgerTime, type Updater } from './updater/index.ts';

/** A start of the agent that lasted so long is no part of a crash loop. */
const lastedMs = 5 * 60_000;

/** The device daemon. Does nothing before `start`. */
export function createAgent(ports: Ports, options: AgentOptions): Agent {
  let running: RunningAgent | undefined;
  return {
    start: async () => {
      if (running) throw new CoveyError('CONFLICT', 'the agent runs already');
      running = await RunningAgent.open(ports, options);
      running.start();
    },
    stop: async () => {
      const stopping = running;
      running = undefined;
      await stopping?.stop();
    },
    status: () => running?.status(),
  };
}

class RunningAgent {
  readonly #ports: Ports;
  readonly #options: AgentOptions;
  readonly #store: Parts['store'];
  readonly #bootId: string;
  readonly #outbox: Outbox;
  readonly #supervisor: Supervisor;
  readonly #contact: Contact;
  readonly #updater: Updater;
  readonly #trust: Trust;
  readonly #software: Software | null;
  readonly #commands: Commands;
  readonly #providers: Parts['providers'];
  readonly #stateFolder: string;
  #lasting: Timer | null = null;
  #local: LocalWatch | null = null;
  readonly #scrub: Scrub;
  readonly #inbox: Inbox;
  #lastReport = '';

  static async open(ports: Ports, options: AgentOptions): Promise<RunningAgent> {
    const folder = await openDeviceFolder(ports.disk, options.folder);
    const ledger = await openLedger(ports.disk, folder.state);
    const now = ledgerTime(ports.clock, ledger);
    await countAndRecord(ports, folder, { ledger, now });
    const store = await openIdentityOrLost(ports.disk, folder);
    if (!store)
      throw new CoveyError('NOT_FOUND', `${options.folder} holds no identity: enrol the device first`);
    const parts = await openParts(ports, options, { folder, store, ledger });
    return new RunningAgent(ports, options, { ...parts, now });
  }

  private constructor(ports: Ports, options: AgentOptions, parts: Parts & { now: () => number }) {
    this.#ports = ports;
    this.#options = options;
    this.#store = parts.store;
    this.#bootId = parts.bootId;
    this.#providers = parts.providers;
    this.#stateFolder = parts.stateFolder;
    this.#outbox = parts.outbox;
    this.#trust = parts.trust;
    this.#software = parts.software;
    this.#inbox = parts.inbox;
    this.#supervisor = createSupervisor(
      { ...ports, log: ports.log.component('runtime') },
      supervisorSettings(options),
      servingHandlers({
        dispatch: (event) => this.#updater.dispatch(event),
        event: (kind, message) => this.#event(kind, message),
        metrics: (metrics) => void this.#metrics(metrics),
        summary: (summary) => void this.#outbox.put({ kind: 'summary', summary }),
        changed: () => {
          this.#report();
          this.#announce();
        },
      }),
    );
    this.#updater = createUpdater(
      { ...ports, log: ports.log.component('update'), now: parts.now },
      parts.ledger,
      stepContext(ports, parts, this.#supervisor, options),
      () => this.#updated(),
    );
    this.#scrub = scrubOf(ports, parts, {
      bytesPerDay: options.scrubBytesPerDay,
      update: () => this.#updater.update,
      onEvent: (kind, message) => this.#event(kind, message),
    });
    this.#contact = createContact(ports, parts, {
      connection: this.#connectionHandlers(),
      mayTry: () => !isSoftwareOnTrial(this.#updater.update),
      event: (kind, message) => this.#event(kind, message),
      changed: () => this.#report(),
    });
    this.#commands = createCommands({
      now: () => this.#contact.keeper.now(),
      reconnect: (afterMs) => this.#contact.connection.reconnect(afterMs),
      report: () => this.#reportAgain(),
    });
    for (const [kind, message] of damageOf(parts)) this.#event(kind, message);
    void parts.store.root.restore().catch((error) => this.#note('root', error));
  }

  start(): void {
    const { log } = this.#ports;
    log.write('info', `agent ${this.#options.agentVersion} of ${this.#store.identity.deviceId} starts`);
    if ('lost' in this.#store) log.write('error', this.#store.lost.message, { code: this.#store.lost.code });
    this.#supervisor.start();
    this.#inbox.start(this.#updater, (kind, message) => this.#event(kind, message));
    this.#updater.start();
    this.#contact.connection.start();
    void this.#contact.linkTrial.start().catch((error) => this.#note('link', error));
    this.#scrub.start();
    this.#lasting = this.#ports.clock.setTimer(lastedMs, () => void this.#lasted());
  }

  async stop(): Promise<void> {
    this.#lasting?.cancel();
    this.#local?.stop();
    this.#scrub.stop();
    this.#inbox.stop();
    this.#updater.stop();
    this.#contact.keeper.stop();
    this.#contact.linkTrial.stop();
    await this.#supervisor.stop();
    await this.#outbox.close();
    await this.#contact.connection.stop();
    await this.#lasted();
  }

  async #lasted(): Promise<void> {
    await noteLasted(this.#ports.disk, this.#stateFolder).catch((error) => this.#note('starts', error));
    await this.#software?.lasted().catch((error) => this.#note('starts', error));
  }

  status(): AgentStatus {
    return {
      ...standingOf(this.#store),
      bootId: this.#bootId,
      link: this.#contact.connection.state,
      reported: this.#reported(),
      runtime: this.#supervisor.status(),
      outbox: { messages: this.#outbox.count, bytes: this.#outbox.bytes },
    };
  }

  #updated(): void {
    const { update } = this.#updater;
    if (!isSettled(update)) this.#scrub.interrupt();
    void this.#contact.linkTrial.retry().catch((error) => this.#note('link', error));
    if (update.state !== 'deferred') this.#local?.stop();
    else if (!this.#local?.isWatching) {
      const changed = () => this.#updater.dispatch({ kind: 'localChanged' });
      this.#local = watchLocal(this.#ports, this.#options.folder, changed);
    }
    this.#report();
  }

  #connectionHandlers(): ConnectionHandlers {
    return {
      birth: () => this.#birth(),
      generation: () => this.#updater.update.accepted,
      online: () => {
        this.#outbox.attach((kind, payload) => this.#contact.connection.publish(kind, payload));
        this.#contact.keeper.online();
        this.#updater.dispatch({ kind: 'contact', software: this.#software?.running ?? null });
        this.#announce();
      },
      failed: (message) => {
        this.#contact.linkTrial.failed(message);
        this.#contact.keeper.failed();
      },
      offline: () => this.#outbox.detach(),
      received: (kind, payload) => void this.#received(kind, payload),
    };
  }

  #announce(): void {
    const url = this.#supervisor.status().addresses?.url ?? null;
    void this.#contact.announce(url).catch((error) => this.#note('birth', error));
  }

  #birth() {
    return birthOf({
      bootId: this.#bootId,
      at: this.#ports.clock.now(),
      nextSeq: this.#outbox.nextSeq,
      agentVersion: this.#options.agentVersion,
      host: this.#ports.host.describe(),
      providers: this.#providers.list,
      tags: this.#store.identity.tags,
      inferenceUrl: this.#supervisor.status().addresses?.url ?? null,
    });
  }

  #reported(): Reported {
    return reportOf(this.#updater.update, this.#supervisor.status(), {
      software: this.#software,
      link: this.#contact.linkTrial.reported,
    });
  }

  /** Reports what is when it differs from what was reported. */
  #report(): void {
    const reported = this.#reported();
    const document = JSON.stringify(reported);
    if (document === this.#lastReport) return;
    this.#lastReport = document;
    void this.#outbox.put({ kind: 'reported', reported });
  }

  #event(kind: string, message: string): void {
    void this.#outbox.put({ kind: 'event', event: { kind, message } });
  }

  async #metrics(measured: Metrics): Promise<void> {
    const [ports, supervisor, outbox] = [this.#ports, this.#supervisor, this.#outbox];
    await withSystem(measured, { ports, supervisor, outbox, folder: this.#options.folder })
      .then((metrics) => this.#outbox.put({ kind: 'metrics', metrics }))
      .catch((error) => this.#note('metrics', error));
  }

  async #received(kind: DownKind, payload: Uint8Array): Promise<void> {
    try {
      this.#contact.linkTrial.heard(this.#contact.connection.url);
      if (kind === 'desired') await this.#desired(payload);
      else if (kind === 'receipt') await this.#receipt(payload);
      else this.#commands.received(payload);
    } catch (error) {
      this.#note(kind, error);
      if (kind === 'desired') this.#event('desired-refused', toCoveyError(error).message);
    }
  }

  async #desired(payload: Uint8Array): Promise<void> {
    const desired = readDesired(payload);
    const isNew = desired.generation > this.#updater.update.accepted;
    if (isNew) this.#trust.heardTime(desired.now);
    if (isNew) this.#updater.dispatch({ kind: 'desired', desired });
    await this.#contact.linkTrial.want(desired.link);
  }

  async #receipt(payload: Uint8Array): Promise<void> {
    const receipt = parseDocument(ReceiptSchema, payload, 'receipt');
    // Such as by a controller that was restored from a backup: the report may have been among them.
    if (await this.#outbox.receipt(receipt)) this.#reportAgain();
    if (receipt.rebirth) await this.#contact.connection.greetAgain();
  }

  #reportAgain(): void {
    this.#lastReport = '';
    this.#report();
  }

  #note(what: string, error: unknown): void {
    const { code, message } = toCoveyError(error);
    this.#ports.log.write('warn', `${what}: ${message}`, { code });
  }
}

/** Who this device is in its own words. */
function standingOf(store: Parts['store']): Pick<AgentStatus, 'deviceId' | 'lost'> {
  return 'lost' in store
    ? { deviceId: null, lost: store.lost }
    : { deviceId: store.identity.deviceId, lost: null };
}
