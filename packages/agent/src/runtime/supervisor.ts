import type { Child, Ports, ProcessExit, Timer } from '@covey/ports';
import {
  type AgentToRuntime,
  CoveyError,
  type LoadedModel,
  type Metrics,
  type MirrorEvidence,
  type RuntimeToAgent,
  type Summary,
  toCoveyError,
} from '@covey/protocol';
import { deathsInRow, restartDelayMs } from './pacing.ts';

/** What the runtime shall serve, for as long as nothing else is asked. */
export interface ServingTarget {
  /** Equal targets need no second apply. */
  content: string;
  of: 'candidate' | 'committed';
  generation: number;
  load: () => Promise<{ models: LoadedModel[]; mirror: LoadedModel[] }>;
}
export interface SupervisorSettings {
  /** File URL of the runtime's entry. */
  module: string;
  host: string;
  port: number;
  metricsIntervalMs: number;
  summaryIntervalMs: number;
}
export interface SupervisorHandlers {
  applied(target: ServingTarget): void;
  applyFailed(target: ServingTarget, error: CoveyError): void;
  evidence(target: ServingTarget, evidence: MirrorEvidence[]): void;
  /** The process ended unasked and without having said that it cannot start. */
  died(message: string): void;
  metrics(metrics: Metrics): void;
  summary(summary: Summary): void;
  /** `status` may have changed. */
  changed(): void;
}
export interface SupervisorStatus {
  state: 'stopped' | 'starting' | 'ready' | 'down';
  url: string | null;
  pid: number | null;
  /** What the process has confirmed to serve; empty while it is down. */
  serving: LoadedModel[];
  deaths: number;
  lastError: { code: string; message: string } | null;
}
export interface Supervisor {
  start(): void;
  serve(target: ServingTarget): void;
  status(): SupervisorStatus;
  /** Lets the runtime finish what it runs, then ends it. */
  stop(): Promise<void>;
}

/** Flags measured for small devices. */
const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size'];
const applyTimeoutMs = 90_000;
const applyRetryMs = 30_000;
const drainMs = 10_000;
const mirrorShare = 1;

/** One life of the runtime process. */
interface Life {
  child: Child;
  startedMs: number;
  isReady: boolean;
  url: string | null;
  /** It said why it cannot start; its end is then no death. */
  hasExcused: boolean;
  plans: number;
  inFlight: { plan: number; target: ServingTarget; models: LoadedModel[]; timer: Timer } | null;
  applied: { plan: number; target: ServingTarget; models: LoadedModel[] } | null;
}

/** Keeps one runtime process alive and serving the target: starts, restarts with backoff, applies again after each start. */
export function createSupervisor(
  ports: Pick<Ports, 'clock' | 'random' | 'processes' | 'log'>,
  settings: SupervisorSettings,
  handlers: SupervisorHandlers,
): Supervisor {
  return new RuntimeSupervisor(ports, settings, handlers);
}

class RuntimeSupervisor implements Supervisor {
  readonly #ports: Pick<Ports, 'clock' | 'random' | 'processes' | 'log'>;
  readonly #settings: SupervisorSettings;
  readonly #handlers: SupervisorHandlers;
  #life: Life | null = null;
  #target: ServingTarget | null = null;
  #isStopping = true;
  #onStopped: () => void = () => {};
  #timer: Timer | null = null;
  #deaths = 0;
  #deathsInRow = 0;
  #lastError: SupervisorStatus['lastError'] = null;

  constructor(
    ports: Pick<Ports, 'clock' | 'random' | 'processes' | 'log'>,
    settings: SupervisorSettings,
    handlers: SupervisorHandlers,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#handlers = handlers;
  }

  start(): void {
    this.#isStopping = false;
    const { metricsIntervalMs, summaryIntervalMs, host, port, module } = this.#settings;
    const life: Life = {
      child: { pid: 0, send: () => {}, kill: () => {} },
      startedMs: this.#ports.clock.monotonicMs(),
      isReady: false,
      url: null,
      hasExcused: false,
      plans: 0,
      inFlight: null,
      applied: null,
    };
    this.#life = life;
    life.child = this.#ports.processes.start({
      module,
      nodeFlags,
      firstToDie: false,
      onErrorLine: (line) => this.#ports.log.write('warn', 'runtime', { line }),
      onMessage: (message) => this.#heard(life, message as RuntimeToAgent),
      onExit: (exit) => this.#ended(life, exit),
    });
    send(life, { type: 'start', host, port, metricsIntervalMs, summaryIntervalMs });
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
      url: life?.url ?? null,
      pid: life?.child.pid ?? null,
      serving: life?.applied?.models ?? [],
      deaths: this.#deaths,
      lastError: this.#lastError,
    };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#timer?.cancel();
    const life = this.#life;
    if (!life) return;
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    const impatience = this.#ports.clock.setTimer(drainMs, () => life.child.kill('SIGKILL'));
    send(life, { type: 'drain' });
    await stopped;
    impatience.cancel();
  }

  /** Sends the target unless it is served or under way already. */
  #reconcile(): void {
    const life = this.#life;
    const target = this.#target;
    if (!life?.isReady || !target || this.#isStopping) return;
    if (life.inFlight) {
      if (life.inFlight.target.content === target.content) life.inFlight.target = target;
      else void this.#apply(life, target);
    } else if (life.applied?.target.content === target.content) {
      life.applied.target = target;
      this.#handlers.applied(target);
    } else {
      void this.#apply(life, target);
    }
  }

  async #apply(life: Life, target: ServingTarget): Promise<void> {
    const plan = ++life.plans;
    life.inFlight?.timer.cancel();
    const timer = this.#ports.clock.setTimer(applyTimeoutMs, () => {
      this.#note(new CoveyError('TIMEOUT', 'the runtime did not answer to a serving plan'));
      life.child.kill('SIGKILL');
    });
    const inFlight = { plan, target, models: [] as LoadedModel[], timer };
    life.inFlight = inFlight;
    try {
      const { models, mirror } = await target.load();
      if (life.inFlight !== inFlight) return;
      inFlight.models = models;
      send(life, {
        type: 'apply',
        plan: {
          plan,
          models,
          // A first install has nothing to mirror to, but its requests and errors are evidence too.
          ...(target.of === 'candidate' && { mirror: { models: mirror, sampleShare: mirrorShare } }),
        },
      });
    } catch (error) {
      if (life.inFlight === inFlight) this.#applyFailed(life, toCoveyError(error));
    }
  }

  #heard(life: Life, message: RuntimeToAgent): void {
    if (life !== this.#life) return;
    switch (message.type) {
      case 'ready':
        life.isReady = true;
        life.url = message.url;
        this.#handlers.changed();
        this.#reconcile();
        break;
      case 'failed':
        life.hasExcused = true;
        this.#note(new CoveyError(message.error.code, message.error.message));
        break;
      case 'applied':
        this.#answered(life, message);
        break;
      case 'mirror':
        if (life.applied?.plan === message.plan) {
          this.#handlers.evidence(life.applied.target, message.evidence);
        }
        break;
      case 'metrics':
        this.#handlers.metrics(message.metrics);
        break;
      case 'summary':
        this.#handlers.summary(message.summary);
        break;
    }
  }

  #answered(life: Life, { plan, error }: RuntimeToAgent & { type: 'applied' }): void {
    const inFlight = life.inFlight;
    // The answer to a plan that a newer one has overtaken.
    if (inFlight?.plan !== plan) return;
    if (error) {
      this.#applyFailed(life, new CoveyError(error.code, error.message));
      return;
    }
    inFlight.timer.cancel();
    life.inFlight = null;
    life.applied = inFlight;
    this.#lastError = null;
    this.#handlers.applied(inFlight.target);
    this.#handlers.changed();
  }

  /** The old plan serves on. A target that is still wanted is tried again later. */
  #applyFailed(life: Life, error: CoveyError): void {
    const target = life.inFlight?.target;
    life.inFlight?.timer.cancel();
    life.inFlight = null;
    this.#note(error);
    if (!target) return;
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.setTimer(applyRetryMs, () => this.#reconcile());
    this.#handlers.applyFailed(target, error);
  }

  #note(error: CoveyError): void {
    this.#lastError = { code: error.code, message: error.message };
    this.#ports.log.write('error', error.message, { code: error.code });
    this.#handlers.changed();
  }

  #ended(life: Life, { code, signal }: ProcessExit): void {
    if (life !== this.#life) return;
    life.inFlight?.timer.cancel();
    this.#timer?.cancel();
    this.#life = null;
    this.#handlers.changed();
    if (this.#isStopping) {
      this.#onStopped();
      return;
    }
    this.#deathsInRow = deathsInRow(this.#deathsInRow, this.#ports.clock.monotonicMs() - life.startedMs);
    const delayMs = restartDelayMs(this.#deathsInRow, this.#ports.random.fraction());
    this.#timer = this.#ports.clock.setTimer(delayMs, () => this.start());
    if (life.hasExcused) return;
    this.#deaths++;
    this.#note(new CoveyError('RUNTIME_DIED', `the runtime ended with ${signal ?? `code ${code}`}`));
    this.#handlers.died(`the runtime ended with ${signal ?? `code ${code}`}`);
  }
}

function send(life: Life, message: AgentToRuntime): void {
  life.child.send(message);
}
