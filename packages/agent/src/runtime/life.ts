import type { Child, Ports, ProcessExit, Timer } from '@covey/ports';
import {
  type AgentToRuntime,
  CoveyError,
  type DeviceRoute,
  type InferenceAddresses,
  type InferencePorts,
  type LoadedModel,
  type ModelVersionRef,
  type RuntimeToAgent,
  runningBundles,
  type ServingPlan,
  toCoveyError,
} from '@covey/protocol';
import { routesFor } from './routes.ts';
import type { ServingTarget, SupervisorSettings, TargetModels } from './settings.ts';

/** What a life tells its supervisor. */
export interface LifeHandlers {
  /** It listens. */
  ready(life: Life, ports: InferencePorts): void;
  applied(life: Life, application: Application): void;
  /** `target` is undefined when the application was overtaken by a newer one. */
  applyFailed(life: Life, target: ServingTarget, error: CoveyError): void;
  hung(life: Life, ref: ModelVersionRef): void;
  /** Evidence, metrics, summaries, what was unloaded. */
  told(life: Life, message: RuntimeToAgent): void;
  /** It said why it cannot start. */
  excused(life: Life, error: CoveyError): void;
  ended(life: Life, exit: ProcessExit): void;
}

/** A target as it was, or is being, applied. */
export interface Application {
  readonly plan: number;
  target: ServingTarget;
  models: LoadedModel[];
}

/** What of a target is left out, and what runs one at a time. */
export interface Precautions {
  quarantined: ReadonlySet<string>;
  suspects: ReadonlySet<string>;
  /** Neither routes nor what is there for them: the runtime refused the target with them. */
  isPlain: boolean;
}

/** Flags measured for small devices. */
const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size'];
/** In the agent's data folder: the inference API for programs of its user. */
const socketName = 'runtime.sock';
/** What fits a Unix socket's address on Linux. In a folder with a longer path there is none. */
const socketPathBytes = 107;
const applyTimeoutMs = 90_000;
const mirrorShare = 1;

/** One life of the runtime process: what it was asked, and what it has confirmed. */
export class Life {
  readonly startedMs: number;
  readonly recordPath: string;
  /** It does not listen yet, and nobody has told it to. */
  isSpare: boolean;
  isReady = false;
  addresses: InferenceAddresses | null = null;
  /** It said why it cannot start; its end is then no death. */
  hasExcused = false;
  applied: Application | null = null;
  /** What of it a caller of the inference API has unloaded. */
  unloaded: ModelVersionRef[] = [];
  #inFlight: (Application & { timer: Timer }) | null = null;
  #plans = 0;
  readonly #ports: Pick<Ports, 'clock' | 'processes' | 'log'>;
  readonly #handlers: LifeHandlers;
  readonly #routes: readonly DeviceRoute[];
  readonly #child: Child;

  constructor(
    ports: Pick<Ports, 'clock' | 'processes' | 'log'>,
    settings: SupervisorSettings,
    start: { recordPath: string; isSpare: boolean },
    handlers: LifeHandlers,
  ) {
    const { inference, observing, serving, metricsIntervalMs, summaryIntervalMs, module, folder } = settings;
    const socketPath = `${folder}/${socketName}`;
    this.#ports = ports;
    this.#handlers = handlers;
    this.#routes = serving?.routes ?? [];
    this.startedMs = ports.clock.monotonicMs();
    this.recordPath = start.recordPath;
    this.isSpare = start.isSpare;
    this.#child = ports.processes.start({
      module,
      nodeFlags,
      firstToDie: false,
      onErrorLine: (line) => ports.log.write('warn', 'runtime', { line }),
      onMessage: (message) => this.#heard(message as RuntimeToAgent),
      onExit: (exit) => {
        this.#inFlight?.timer.cancel();
        this.#inFlight = null;
        handlers.ended(this, exit);
      },
    });
    this.#send({
      type: 'start',
      ...inference,
      ...observing,
      ...(Buffer.byteLength(socketPath) <= socketPathBytes && { socketPath }),
      metricsIntervalMs,
      summaryIntervalMs,
      recordPath: start.recordPath,
      ...(serving?.resources && { resources: serving.resources }),
      standby: start.isSpare,
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get inFlight(): Application | null {
    return this.#inFlight;
  }

  /** The spare takes over: it listens, with what it has loaded. */
  takeOver(): void {
    this.isSpare = false;
    this.#send({ type: 'listen' });
  }

  drain(): void {
    this.#send({ type: 'drain' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Asks for `target`; a target under way is overtaken. */
  async apply(target: ServingTarget, precautions: Precautions): Promise<void> {
    const plan = ++this.#plans;
    this.#inFlight?.timer.cancel();
    const timer = this.#ports.clock.setTimer(applyTimeoutMs, () => {
      this.#ports.log.write('error', 'the runtime did not answer to a serving plan');
      this.kill();
    });
    const inFlight = { plan, target, models: [] as LoadedModel[], timer };
    this.#inFlight = inFlight;
    try {
      const loads = await target.load(precautions.isPlain);
      if (this.#inFlight !== inFlight) return;
      const planned = planOf(plan, target, loads, { ...precautions, routes: this.#routes });
      inFlight.models = planned.models;
      this.#send({ type: 'apply', plan: planned });
    } catch (error) {
      if (this.#inFlight === inFlight) this.#applyFailed(toCoveyError(error));
    }
  }

  #heard(message: RuntimeToAgent): void {
    switch (message.type) {
      case 'ready':
        this.isReady = true;
        this.#listens(message);
        break;
      case 'failed':
        this.hasExcused = true;
        this.#handlers.excused(this, new CoveyError(message.error.code, message.error.message));
        break;
      case 'applied':
        this.#answered(message);
        break;
      case 'unloaded':
        this.unloaded = message.refs;
        this.#handlers.told(this, message);
        break;
      case 'hung':
        this.#handlers.hung(this, message.ref);
        break;
      default:
        this.#handlers.told(this, message);
    }
  }

  #listens({ type: _type, ...addresses }: RuntimeToAgent & { type: 'ready' }): void {
    this.addresses = addresses;
    const { url: _url, grpcUrl: _grpcUrl, tensorflowServingUrl: _servingUrl, ...ports } = addresses;
    this.#ports.log.write('info', 'inference listens', { ...addresses });
    this.#handlers.ready(this, ports);
  }

  #answered({ plan, error }: RuntimeToAgent & { type: 'applied' }): void {
    const inFlight = this.#inFlight;
    // The answer to a plan that a newer one has overtaken.
    if (inFlight?.plan !== plan) return;
    if (error) {
      this.#applyFailed(new CoveyError(error.code, error.message));
      return;
    }
    inFlight.timer.cancel();
    this.#inFlight = null;
    this.applied = inFlight;
    this.#handlers.applied(this, inFlight);
  }

  /** The old plan serves on. */
  #applyFailed(error: CoveyError): void {
    const inFlight = this.#inFlight;
    inFlight?.timer.cancel();
    this.#inFlight = null;
    if (inFlight) this.#handlers.applyFailed(this, inFlight.target, error);
  }

  #send(message: AgentToRuntime): void {
    this.#child.send(message);
  }
}

function planOf(
  plan: number,
  target: ServingTarget,
  loads: TargetModels,
  { quarantined, suspects, isPlain, routes }: Precautions & { routes: readonly DeviceRoute[] },
): ServingPlan {
  const isFree = ({ ref }: LoadedModel) => !quarantined.has(ref.bundle);
  const careful = (model: LoadedModel) => (suspects.has(model.ref.bundle) ? oneAtATime(model) : model);
  const models = loads.models.filter(isFree);
  const beside = loads.beside.filter(isFree);
  const planned = isPlain ? [] : routesFor(routes, { models, beside, of: target.of });
  const left = loads.models.filter((model) => !isFree(model));
  return {
    plan,
    models: [...models, ...beside].map(careful),
    ...(planned.length > 0 && { routes: planned }),
    ...(left.length > 0 && { quarantined: left.map(({ ref }) => ({ ref, reason: quarantineReason(ref) })) }),
    // A first install has nothing to mirror to, but its requests and errors are evidence too.
    ...(target.of === 'candidate' && {
      mirror: {
        models: loads.mirror.filter(isFree).map(careful),
        sampleShare: mirrorShare,
        ...(target.maxLatencyRatio !== undefined && { maxLatencyRatio: target.maxLatencyRatio }),
      },
    }),
  };
}

/** Bundles that were loading or running when the process died. */
export async function runningAtDeath(
  { disk, log }: Pick<Ports, 'disk' | 'log'>,
  { recordPath }: Life,
): Promise<string[]> {
  try {
    const record = await disk.read(recordPath);
    return record ? runningBundles(record) : [];
  } catch (error) {
    log.write('warn', `it cannot be told which model ran: ${String(error)}`);
    return [];
  }
}

export function quarantineReason({ model, version }: ModelVersionRef): string {
  return `${model} ${version} kept ending the inference process and is not loaded for now`;
}

/** A resource of which there is one: whoever holds it runs alone, so that a death names one model. */
function oneAtATime(model: LoadedModel): LoadedModel {
  const { settings } = model;
  return { ...model, settings: { ...settings, resources: { ...settings?.resources, suspicion: 1 } } };
}

/** What a process has confirmed to serve, less what was unloaded since. */
export function servedBy({ applied, unloaded }: Life): LoadedModel[] {
  const bundles = new Set(unloaded.map(({ bundle }) => bundle));
  return (applied?.models ?? []).filter(({ ref }) => !bundles.has(ref.bundle));
}
