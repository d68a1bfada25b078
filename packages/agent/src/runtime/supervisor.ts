import type { Ports, ProcessExit, Timer } from '@covey/ports';
import { CoveyError, type ModelVersionRef, type RuntimeToAgent } from '@covey/protocol';
import { Blame } from './blame.ts';
import {
  type Application,
  Life,
  type LifeHandlers,
  quarantineReason,
  runningAtDeath,
  servedBy,
} from './life.ts';
import * as pacing from './pacing.ts';
import type {
  ServingTarget,
  Supervisor,
  SupervisorHandlers,
  SupervisorSettings,
  SupervisorStatus,
} from './settings.ts';
import { ShadowNews } from './shadow-news.ts';

type SupervisorPorts = Pick<Ports, 'clock' | 'random' | 'processes' | 'disk' | 'host' | 'log'>;

const drainMs = 10_000;
/** What the models that are not stuck get to finish, when one is. */
const hungDrainMs = 500;

/**
 * Keeps one runtime process alive and serving the target: starts, restarts with backoff, applies again after each start,
 * lets a warm spare take over, and leaves out what keeps ending the process.
 */
export function createSupervisor(
  ports: SupervisorPorts,
  settings: SupervisorSettings,
  handlers: SupervisorHandlers,
): Supervisor {
  return new RuntimeSupervisor(ports, settings, handlers);
}

class RuntimeSupervisor implements Supervisor {
  readonly #ports: SupervisorPorts;
  readonly #settings: SupervisorSettings;
  readonly #handlers: SupervisorHandlers;
  #life: Life | null = null;
  #spare: Life | null = null;
  #target: ServingTarget | null = null;
  #isStopping = true;
  #onStopped: () => void = () => {};
  #timer: Timer | null = null;
  #spareTimer: Timer | null = null;
  /** The process is being ended because this is stuck in it. */
  #hungRef: ModelVersionRef | null = null;
  /** Where applications found the process before, they find the next one. */
  #inference: SupervisorSettings['inference'];
  #lives = 0;
  #deaths = 0;
  #deathsInRow = 0;
  readonly #blame: Blame;
  readonly #shadowNews = new ShadowNews();
  #lastError: SupervisorStatus['lastError'] = null;

  constructor(ports: SupervisorPorts, settings: SupervisorSettings, handlers: SupervisorHandlers) {
    this.#ports = ports;
    this.#settings = settings;
    this.#inference = settings.inference;
    this.#handlers = handlers;
    this.#blame = new Blame(ports.clock);
  }

  start(): void {
    this.#isStopping = false;
    this.#life = this.#begin(false);
    this.#handlers.changed();
  }

  serve(target: ServingTarget): void {
    this.#target = target;
    this.#reconcile();
  }

  status(): SupervisorStatus {
    const life = this.#life;
    const state = life?.isReady ? 'ready' : life ? 'starting' : this.#isStopping ? 'stopped' : 'down';
    return {
      state,
      addresses: life?.addresses ?? null,
      pid: life?.pid ?? null,
      sparePid: this.#spare?.applied ? this.#spare.pid : null,
      serving: life?.isReady ? servedBy(life) : [],
      unloaded: life?.unloaded ?? [],
      quarantined: this.#blame.quarantined(),
      deaths: this.#deaths,
      lastError: this.#lastError,
    };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const timer of [this.#timer, this.#spareTimer]) timer?.cancel();
    this.#spare?.kill();
    const life = this.#life;
    if (!life) return;
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    const impatience = this.#ports.clock.setTimer(drainMs, () => life.kill());
    life.drain();
    await stopped;
    impatience.cancel();
  }

  #begin(isSpare: boolean): Life {
    // Three records in turn: that of the dead process is read while the next one writes its own.
    const recordPath = `${this.#settings.folder}/running-${this.#lives++ % 3}`;
    const settings = { ...this.#settings, inference: this.#inference };
    return new Life(this.#ports, settings, { recordPath, isSpare }, this.#lifeHandlers());
  }

  #lifeHandlers(): LifeHandlers {
    return {
      ready: (_life, ports) => {
        this.#inference = { ...this.#inference, ...ports };
        this.#handlers.changed();
        this.#reconcile();
      },
      applied: (life, application) => this.#applied(life, application),
      applyFailed: (life, target, error) => this.#applyFailed(life, target, error),
      hung: (life, ref) => this.#hung(life, ref),
      told: (life, message) => this.#told(life, message),
      excused: (_life, error) => {
        // A free port of before may be somebody else's by now.
        this.#inference = this.#settings.inference;
        this.#note(error);
      },
      ended: (life, exit) => void this.#ended(life, exit),
    };
  }

  /** Sends the target unless it is served or under way already; to the spare, when the process itself has it. */
  #reconcile(): void {
    const target = this.#target;
    const life = this.#life;
    if (!life?.isReady || !target || this.#isStopping) return;
    this.#ask(life, target);
    const spare = this.#spare;
    if (spare && life.applied?.target.content === target.content) this.#ask(spare, target);
  }

  #ask(life: Life, target: ServingTarget): void {
    if (life.inFlight) {
      if (life.inFlight.target.content === target.content) life.inFlight.target = target;
      else void life.apply(target, this.#blame.precautions(target));
    } else if (life.applied?.target.content === target.content) {
      life.applied.target = target;
      if (life === this.#life) this.#handlers.applied(target);
    } else {
      void life.apply(target, this.#blame.precautions(target));
    }
  }

  #applied(life: Life, { target, models }: Application): void {
    if (life !== this.#life) return;
    this.#blame.serves(models);
    this.#lastError = null;
    this.#handlers.applied(target);
    this.#handlers.changed();
    this.#reconcile();
    this.#wantSpare(pacing.spareDelayMs);
  }

  /** The old plan serves on. A target that is still wanted is tried again later. */
  #applyFailed(life: Life, target: ServingTarget, error: CoveyError): void {
    if (life !== this.#life) {
      if (life === this.#spare) life.kill();
      return;
    }
    this.#note(error);
    this.#handlers.applyFailed(target, error);
    this.#timer?.cancel();
    // The device's own routes shall not keep its release from serving: it is asked for without them.
    const isAtOnce = this.#settings.serving?.routes && this.#blame.refused(target);
    const retryMs = isAtOnce ? 0 : pacing.applyRetryMs(life.applied !== null);
    this.#timer = this.#ports.clock.setTimer(retryMs, () => this.#reconcile());
  }

  #told(life: Life, message: RuntimeToAgent): void {
    if (life !== this.#life) return;
    if (message.type === 'mirror' && life.applied?.plan === message.plan) {
      this.#handlers.evidence(life.applied.target, message.evidence);
    } else if (message.type === 'unloaded') this.#handlers.unloaded(message.refs);
    else if (message.type === 'metrics') this.#handlers.metrics(message.metrics);
    else if (message.type === 'shadow')
      this.#shadowNews.heard(message.evidence).forEach(this.#handlers.shadowed);
    else if (message.type === 'summary') this.#handlers.summary(message.summary);
  }

  /** A thread is stuck in native code for good: the others get a moment to finish, then the process is replaced. */
  #hung(life: Life, ref: ModelVersionRef): void {
    if (life !== this.#life || this.#isStopping || this.#hungRef) return;
    this.#hungRef = ref;
    life.drain();
    this.#ports.clock.setTimer(hungDrainMs, () => life.kill());
  }

  async #ended(life: Life, { code, signal }: ProcessExit): Promise<void> {
    if (life === this.#spare) {
      this.#spare = null;
      this.#wantSpare(pacing.spareRetryMs);
      this.#handlers.changed();
      return;
    }
    if (life !== this.#life) return;
    this.#life = null;
    if (this.#isStopping) {
      this.#onStopped();
      return;
    }
    const hung = this.#hungRef;
    this.#hungRef = null;
    const bundles = hung ? [hung.bundle] : await runningAtDeath(this.#ports, life);
    const ending = hung ? 'the runtime hung' : `the runtime ended with ${signal ?? `code ${code}`}`;
    this.#buried(life, bundles, ending);
  }

  /** After a death: who was it, what is left out from now on, and who serves next. */
  #buried(life: Life, bundles: string[], message: string): void {
    this.#timer?.cancel();
    this.#suspect(life, bundles);
    const livedMs = this.#ports.clock.monotonicMs() - life.startedMs;
    this.#deathsInRow = pacing.deathsInRow(this.#deathsInRow, livedMs);
    if (this.#isStopping) {
      this.#onStopped();
      return;
    }
    this.#succeed();
    this.#handlers.changed();
    if (life.hasExcused) return;
    const names = this.#blame.names(bundles);
    const said = names === '' ? message : `${message} while ${names} ran`;
    this.#deaths++;
    this.#note(new CoveyError('RUNTIME_DIED', said));
    this.#handlers.died(said, bundles);
  }

  #suspect(life: Life, bundles: string[]): void {
    if (life.hasExcused || (life.inFlight ?? life.applied)?.target.of === 'candidate') return;
    for (const { ref, forMs } of this.#blame.died(bundles)) {
      this.#handlers.quarantined(ref, quarantineReason(ref));
      this.#ports.clock.setTimer(forMs, () => this.#applyAgain());
    }
  }

  /** The spare takes over, or a new process starts. */
  #succeed(): void {
    const spare = this.#spare;
    this.#spare = null;
    if (spare?.applied && this.#deathsInRow === 1) {
      this.#life = spare;
      spare.takeOver();
      // It holds what it was given before this death: what is suspected since goes in with the next plan.
      this.#applyAgain();
      return;
    }
    spare?.kill();
    const delayMs = pacing.restartDelayMs(this.#deathsInRow, this.#ports.random.fraction());
    this.#timer = this.#ports.clock.setTimer(delayMs, () => this.start());
  }

  #applyAgain(): void {
    const target = this.#target;
    if (this.#life && target && !this.#isStopping)
      void this.#life.apply(target, this.#blame.precautions(target));
  }

  #wantSpare(delayMs: number): void {
    if (!this.#settings.warmSpare || this.#spare || this.#isStopping) return;
    this.#spareTimer?.cancel();
    this.#spareTimer = this.#ports.clock.setTimer(delayMs, () => void this.#startSpare());
  }

  async #startSpare(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    const { residentBytes, freeBytes } = await this.#ports.host.memory(life.pid);
    if (life !== this.#life || this.#spare || this.#isStopping) return;
    if (!pacing.spareFits(residentBytes, freeBytes)) {
      this.#ports.log.write('warn', 'no warm spare: memory is short', { residentBytes, freeBytes });
      this.#wantSpare(pacing.spareRetryMs);
      return;
    }
    this.#spare = this.#begin(true);
    this.#reconcile();
  }

  #note(error: CoveyError): void {
    this.#lastError = { code: error.code, message: error.message };
    this.#ports.log.write('error', error.message, { code: error.code });
    this.#handlers.changed();
  }
}
