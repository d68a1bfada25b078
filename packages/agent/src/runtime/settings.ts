import type {
  CoveyError,
  DeviceServing,
  InferenceAccess,
  InferenceAddresses,
  InferenceObserving,
  InferencePorts,
  LoadedModel,
  Metrics,
  MirrorEvidence,
  ModelVersionRef,
  Summary,
} from '@covey/protocol';

/** What the runtime shall serve, for as long as nothing else is asked. */
export interface ServingTarget {
  /** Equal targets need no second apply. */
  content: string;
  of: 'candidate' | 'committed';
  generation: number;
  /** Of a candidate: see ServingPlan.mirror. */
  maxLatencyRatio?: number;
  /** `isPlain`: without what is there for routes alone. */
  load: (isPlain: boolean) => Promise<TargetModels>;
}

/** What a target takes. */
export interface TargetModels {
  models: LoadedModel[];
  /** Other versions of the models, for routes alone: left out where the runtime refused the target with them. */
  beside: LoadedModel[];
  mirror: LoadedModel[];
}

export interface SupervisorSettings {
  /** File URL of the runtime's entry. */
  module: string;
  /** Where the inference API listens. */
  inference: { host: string; access?: InferenceAccess; origins?: string[] } & InferencePorts;
  observing?: InferenceObserving;
  /** This device's own settings. */
  serving?: Omit<DeviceServing, 'format'>;
  metricsIntervalMs: number;
  summaryIntervalMs: number;
  /** Holds the records of which models run. */
  folder: string;
  /** A second process holds the models too, where memory allows, and takes over when the first dies. */
  warmSpare: boolean;
}

export interface SupervisorHandlers {
  applied(target: ServingTarget): void;
  applyFailed(target: ServingTarget, error: CoveyError): void;
  evidence(target: ServingTarget, evidence: MirrorEvidence[]): void;
  /** The process ended unasked and without having said that it cannot start; `bundles` were loading or running. */
  died(message: string, bundles: string[]): void;
  /** A version is not loaded any more, because it kept ending the process. */
  quarantined(ref: ModelVersionRef, message: string): void;
  /** What a shadow showed so far, in words; less often the more it has seen. */
  shadowed(message: string): void;
  /** A caller of the inference API has unloaded these; none: all is loaded again. */
  unloaded(refs: readonly ModelVersionRef[]): void;
  metrics(metrics: Metrics): void;
  summary(summary: Summary): void;
  /** `status` may have changed. */
  changed(): void;
}

export interface SupervisorStatus {
  state: 'stopped' | 'starting' | 'ready' | 'down';
  /** Where the inference API listens; null while it does not. */
  addresses: InferenceAddresses | null;
  pid: number | null;
  /** Of the warm spare, once it holds the models. */
  sparePid: number | null;
  /** What the process has confirmed to serve; empty while it is down. */
  serving: LoadedModel[];
  quarantined: ModelVersionRef[];
  /** Of what it shall serve, what a caller of the inference API has unloaded. */
  unloaded: ModelVersionRef[];
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
