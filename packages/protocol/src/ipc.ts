import type { ErrorDocument } from './errors/index.ts';
import type { Metrics, Summary } from './generated/telemetry_pb.ts';
import type { Classification } from './manifest.ts';
import type { ModelVersionRef, ProbeResult, Provider } from './messages.ts';
import type { Pipeline } from './pipeline/index.ts';
import type { Route, ServingSettings } from './serving.ts';
import type { ModelSchema } from './tensors/index.ts';
import type { Tolerance } from './tolerance.ts';

/**
 * Messages between agent, runtime and probe, over Node's IPC channel (structured clone). Both ends are ours and of one
 * build, so they are typed, not validated.
 */

/** One model version made ready to load: variant, provider and threads were chosen by the probe. */
export interface LoadedModel {
  ref: ModelVersionRef;
  variant: string;
  provider: Provider;
  /** Threads that compute one inference, at least 1. */
  threads: number;
  /** Not loaded rather than run, in any part, by the CPU where another provider was chosen. */
  strict?: boolean;
  /** Absolute path of the ONNX file. */
  path: string;
  /** Of the ONNX file. */
  schema: ModelSchema;
  /** What clients send and get instead, where the bundle declares it. */
  pipeline?: Pipeline;
  settings?: ServingSettings;
  classification?: Classification;
  /** Absolute path of the reference summary: gives the ranges that out-of-range counts use. */
  referencePath?: string;
}

/** All that the runtime shall serve. Declarative: the runtime loads what is missing, switches, drains and releases the rest. */
export interface ServingPlan {
  /** Counts up with every plan the agent sends in the runtime's life. */
  plan: number;
  /** May hold several versions of a model: then `routes` says which answers what. */
  models: LoadedModel[];
  /** A model without a route is served in its one version. */
  routes?: Route[];
  /** Not loaded, because they kept killing the process; requests for them are told so. */
  quarantined?: { ref: ModelVersionRef; reason: string }[];
  /**
   * Present during a soak: evidence is sent while it is. `models` are the versions before, kept loaded: live inputs run on
   * them too and the answers are compared. Models without a version before are judged on requests and errors alone.
   */
  mirror?: {
    models: LoadedModel[];
    sampleShare: number;
    /** An input counts as slower when it took more than so many times as long, and 1 ms more; absent: none does. */
    maxLatencyRatio?: number;
  };
}

/** Counts since the plan that holds the mirror was applied, per model. */
export interface MirrorEvidence {
  model: string;
  requests: number;
  errors: number;
  samples: number;
  agreements: number;
  /** Medians over the mirrored inputs, milliseconds; null before the first. */
  latencyMs: number | null;
  incumbentLatencyMs: number | null;
  /** Of the samples. */
  slower: number;
  /**
   * Samples whose answer only the new version (`gained`), or only the old one (`lost`), put in a class; of outputs without
   * classes, in a bin between quartiles. Empty where there is neither.
   */
  shift: { gained: number[]; lost: number[] };
}

/** What a version showed that saw requests and answered nobody, per model, since the plan was applied. */
export interface ShadowEvidence {
  model: string;
  /** Of the shadow. */
  version: string;
  /** Answered by another version, and so to be seen by the shadow but for its share. */
  requests: number;
  samples: number;
  agreements: number;
  /** Runs that the shadow failed. */
  failures: number;
  /** Not run, because the shadow was not done with those before, or rested: it computes for a tenth of the time. */
  dropped: number;
  /** Median of |shadow - answer| / |answer|, Euclidean norms over all floats; null before the first. */
  distance: number | null;
  /** Medians over the samples, milliseconds in the model; null before the first. */
  latencyMs: number | null;
  shadowLatencyMs: number | null;
}

/** Ports of the inference API, 0 for any that is free; what has none is not served. */
export interface InferencePorts {
  port: number;
  /** The Open Inference Protocol over gRPC. */
  grpcPort?: number;
  /** TensorFlow Serving's gRPC services. */
  tensorflowServingPort?: number;
}

/** Who may call the inference API, and from where. Paths are absolute. */
export interface InferenceAccess {
  /** See InferenceTokensSchema; read again when it has changed. */
  tokensPath: string;
  /** Where the counts of the day are kept, for quotas. */
  usagePath: string;
  /** Callers on other machines, over TLS, on the same ports. Absent: this machine alone. PEM files, read again when they have changed. */
  network?: { host: string; certificatePath: string; keyPath: string };
}

/** Where the inference API listens. */
export interface InferenceAddresses extends InferencePorts {
  url: string;
  /** As in `grpc://127.0.0.1:8001`. */
  grpcUrl?: string;
  tensorflowServingUrl?: string;
}

/** What is watched beyond counts and summaries. */
export interface InferenceObserving {
  /** Slower requests are logged; left out: three times the 99th percentile of the model, and 100 ms at least. */
  slowRequestMs?: number;
  /** Base URL of an OTLP/HTTP collector for traces; left out: requests are not traced. */
  otlpUrl?: string;
}

export type AgentToRuntime =
  | (InferencePorts &
      InferenceObserving & {
        type: 'start';
        /** Of this machine. */
        host: string;
        /** Absent: programs on this machine alone, without limits. */
        access?: InferenceAccess;
        /** Of pages in browsers that may call over loopback. Absent: none. */
        origins?: string[];
        /** A Unix socket to serve on as well. */
        socketPath?: string;
        metricsIntervalMs: number;
        summaryIntervalMs: number;
        /** Where the process notes which models run: see runningBundles. */
        recordPath: string;
        /** Units of named resources that all models share: see ServingSettings.resources. */
        resources?: Record<string, number>;
        /** A warm spare: applies plans, and listens only when told to. */
        standby: boolean;
      })
  /** To a spare: take over. */
  | { type: 'listen' }
  | { type: 'apply'; plan: ServingPlan }
  /** Finish what runs, answer new requests with 503, then exit 0. */
  | { type: 'drain' };

export type RuntimeToAgent =
  | ({ type: 'ready' } & InferenceAddresses)
  /** The runtime cannot start (PORT_IN_USE, ...) and exits. */
  | { type: 'failed'; error: ErrorDocument }
  | { type: 'applied'; plan: number; error?: ErrorDocument }
  /** A model's thread is stuck in native code: only the end of the process frees it. */
  | { type: 'hung'; ref: ModelVersionRef }
  /** What of the plan is not served, because a caller unloaded it; empty when all is served again. */
  | { type: 'unloaded'; refs: ModelVersionRef[] }
  | { type: 'mirror'; plan: number; evidence: MirrorEvidence[] }
  | { type: 'shadow'; plan: number; evidence: ShadowEvidence[] }
  | { type: 'metrics'; metrics: Metrics }
  | { type: 'summary'; summary: Summary };

export interface ProbeVariant {
  name: string;
  path: string;
  tolerances: readonly Tolerance[];
}
export interface ProbeCandidate {
  ref: ModelVersionRef;
  schema: ModelSchema;
  classification?: Classification;
  variants: ProbeVariant[];
  /** Absolute path of the golden vectors; absent: the probe can only load and warm. */
  goldenPath?: string;
  /** What an earlier probe of this bundle found: where the hardware is the same, only its choice is checked again. */
  measured?: Measured;
}
/** What a probe found of one bundle, and on what. */
export interface Measured {
  /** Digest of all that the measurements depend on: processor, cores, graphics and their driver, ONNX Runtime. */
  hardware: string;
  results: ProbeResult[];
}
/** The probe takes one job, answers once and exits. */
export interface ProbeJob {
  type: 'probe';
  candidates: ProbeCandidate[];
  /** Time for each candidate; what was not measured by then is not chosen. */
  limitMs: number;
}
export type ProbeAnswer =
  | { type: 'verdict'; hardware: string; results: ProbeResult[] }
  | { type: 'failed'; error: ErrorDocument };
