import * as v from 'valibot';
import { DeliveryPolicySchema } from './delivery.ts';
import { DeviceIdSchema, DigestSchema, NameSchema, TagsSchema, TimeSchema, VersionSchema } from './ids.ts';
import { limits } from './limits.ts';
import { LinkSettingsSchema, ReportedLinkSchema } from './link.ts';

export * from './link.ts';

const text = v.pipe(v.string(), v.maxLength(limits.reasonChars));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
/** u64 sequence numbers stay below 2^53: a device that sends a thousand messages a second needs 285,000 years to get there. */
const sequence = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** The update machine's states, as persisted and reported. */
export const updateStates = [
  'idle',
  'downloading',
  'verifying',
  'probing',
  'activating',
  'soaking',
  'committed',
  'reverting',
  'reverted',
  'rejected',
  'deferred',
] as const;
export type UpdateState = (typeof updateStates)[number];

/** How a new version proves itself: in its probe, and while it serves. Judged by tests that are valid however often one looks. */
export const SoakPolicySchema = v.object({
  /** Mirrored comparisons that settle the verdict where all are in order; too few within `maxDurationMs` is `inconclusive`. */
  minSamples: v.pipe(v.number(), v.integer(), v.minValue(1)),
  maxDurationMs: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Least share of mirrored inputs on which both versions decide the same. */
  minAgreement: fraction,
  /** Largest share of failed inferences. */
  maxErrorRate: fraction,
  /** Largest ratio of the new version's latency to the old one's, at the median of inputs; absent: not judged. */
  maxLatencyRatio: v.optional(v.pipe(v.number(), v.minValue(0))),
  /** Largest ratio of the memory that the probe found the new version to take to the old one's; absent: not judged. */
  maxMemoryRatio: v.optional(v.pipe(v.number(), v.minValue(0))),
  /** Largest share of answers that may move from one class to another (total variation distance); absent: not judged. */
  maxOutputShift: v.optional(fraction),
});
export type SoakPolicy = v.InferOutput<typeof SoakPolicySchema>;

/** One model version as a device is told to run it. */
export const ModelVersionRefSchema = v.object({
  model: NameSchema,
  version: VersionSchema,
  number: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Digest of the manifest. */
  bundle: DigestSchema,
});
export type ModelVersionRef = v.InferOutput<typeof ModelVersionRefSchema>;

/** What moves as one unit. `id` is the digest of the canonical JSON of `models`. */
export const ReleaseSchema = v.object({
  id: DigestSchema,
  models: v.pipe(v.array(ModelVersionRefSchema), v.maxLength(limits.modelsPerRelease)),
});
export type Release = v.InferOutput<typeof ReleaseSchema>;

/** Controller to device: the state wanted. A device ignores a generation at or below the last it accepted. */
export const DesiredSchema = v.object({
  generation: count,
  release: ReleaseSchema,
  soak: SoakPolicySchema,
  /** Absent: nothing holds it back. */
  delivery: v.optional(DeliveryPolicySchema),
  /** Absent: as it is. */
  link: v.optional(LinkSettingsSchema),
  /** Bundles that failed on the device lately are tried at once. */
  force: v.optional(v.boolean()),
  setBy: v.object({
    kind: v.picklist(['rollout', 'rollback', 'operator']),
    id: v.pipe(v.string(), v.maxLength(128)),
  }),
  setAt: TimeSchema,
  /** The controller's clock, for devices that have none. */
  now: TimeSchema,
});
export type Desired = v.InferOutput<typeof DesiredSchema>;

/** What the soak saw, as numbers. Intervals are confidence sequences: they hold the true rate with 95 % at every look. */
export const SoakEvidenceSchema = v.object({
  /** `open`: neither was certain when the time was over. */
  verdict: v.picklist(['pass', 'fail', 'open']),
  samples: count,
  agreement: v.nullable(fraction),
  agreementInterval: v.tuple([fraction, fraction]),
  errors: count,
  requests: count,
  errorRateInterval: v.tuple([fraction, fraction]),
  /** Of the medians. */
  latencyRatio: v.nullable(v.number()),
  /** Samples on which the new version took longer than `maxLatencyRatio` allows. */
  slower: count,
  /** Share of answers that moved from one class to another. */
  outputShift: v.nullable(fraction),
});
export type SoakEvidence = v.InferOutput<typeof SoakEvidenceSchema>;

/** What computes: ONNX Runtime's kernels for the CPU, or its WebGPU ones, natively through Dawn. */
export const ProviderSchema = v.picklist(['cpu', 'webgpu']);
export type Provider = v.InferOutput<typeof ProviderSchema>;

/** Threads that ONNX Runtime computes one inference with. */
const threads = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(limits.threads));

/** Where the nodes of a model run: how many on the provider, and of which operators where they are not all on one. */
export const PlacementSchema = v.object({
  provider: ProviderSchema,
  nodes: count,
  operators: v.pipe(
    v.record(v.pipe(v.string(), v.maxLength(64)), count),
    v.check((operators) => Object.keys(operators).length <= limits.operatorsPerPlacement),
  ),
});
export type Placement = v.InferOutput<typeof PlacementSchema>;

/** What the probe measured of one variant on one provider with so many threads. */
export const ProbeResultSchema = v.object({
  model: NameSchema,
  version: VersionSchema,
  variant: NameSchema,
  provider: ProviderSchema,
  /** Absent in reports of agents that measured one thread alone. */
  threads: v.optional(threads),
  ok: v.boolean(),
  /** Why it is not right, or why it was chosen or not. */
  reason: v.optional(text),
  maxError: v.nullable(v.number()),
  /** Median of the turns, and an interval that holds it with 95 % confidence (of fewer than six turns: their range). */
  latencyMs: v.nullable(v.number()),
  latencyIntervalMs: v.optional(v.tuple([v.number(), v.number()])),
  memoryBytes: v.nullable(v.number()),
  /** Of a provider that leaves some operators to another. */
  placement: v.optional(v.pipe(v.array(PlacementSchema), v.maxLength(4))),
  chosen: v.boolean(),
});
export type ProbeResult = v.InferOutput<typeof ProbeResultSchema>;

export const ServingSchema = v.object({
  ...ModelVersionRefSchema.entries,
  variant: NameSchema,
  provider: ProviderSchema,
  threads: v.optional(threads),
});
export type Serving = v.InferOutput<typeof ServingSchema>;

/** Device to controller: what is. `generation` names the desired generation that `state` is about. */
export const ReportedSchema = v.object({
  generation: count,
  state: v.picklist(updateStates),
  /** Short machine word and human words for a state that ended badly. */
  reason: v.optional(
    v.object({
      code: v.pipe(v.string(), v.maxLength(64)),
      message: text,
      /** Of `deferred`: when it is asked for again. */
      until: v.optional(TimeSchema),
    }),
  ),
  /** Outcome of a commit: `unproven` never counts as a pass. */
  proof: v.optional(v.picklist(['proven', 'unproven'])),
  evidence: v.optional(SoakEvidenceSchema),
  probe: v.pipe(v.array(ProbeResultSchema), v.maxLength(limits.probeResults)),
  /** What serves now: the truth, whatever was wanted. */
  serving: v.pipe(v.array(ServingSchema), v.maxLength(limits.modelsPerRelease)),
  releaseId: v.nullable(DigestSchema),
  runtimeDeaths: count,
  /** Versions that serve no more, because they kept ending the runtime process. */
  quarantined: v.optional(v.pipe(v.array(ModelVersionRefSchema), v.maxLength(limits.modelsPerRelease))),
  link: v.optional(ReportedLinkSchema),
});
export type Reported = v.InferOutput<typeof ReportedSchema>;

/** First message of a connection, and also the will (on `death`): carries no seq. */
export const BirthSchema = v.object({
  bootId: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  at: TimeSchema,
  /** Next seq the outbox will give: lets the controller see what it can never receive. */
  nextSeq: sequence,
  agentVersion: v.pipe(v.string(), v.maxLength(64)),
  deviceClass: v.object({
    os: v.pipe(v.string(), v.maxLength(32)),
    arch: v.pipe(v.string(), v.maxLength(32)),
    cpu: v.pipe(v.string(), v.maxLength(128)),
    cores: count,
    memoryBytes: count,
    providers: v.pipe(v.array(ProviderSchema), v.maxLength(4)),
  }),
  tags: TagsSchema,
  inferenceUrl: v.optional(v.pipe(v.string(), v.maxLength(256))),
});
export type Birth = v.InferOutput<typeof BirthSchema>;

export const DeathSchema = v.object({ bootId: v.pipe(v.string(), v.minLength(1), v.maxLength(64)) });
export type Death = v.InferOutput<typeof DeathSchema>;

/** Every message that went through the outbox. JSON kinds carry this around their document; telemetry has the same fields in protobuf. */
export const SequencedSchema = v.object({
  seq: sequence,
  bootId: v.pipe(v.string(), v.maxLength(64)),
  at: TimeSchema,
});
export type Sequenced = v.InferOutput<typeof SequencedSchema>;
export const ReportedMessageSchema = v.object({ ...SequencedSchema.entries, reported: ReportedSchema });

/** Asks for the desired state; `generation` is the one the device has. Not sequenced: it is asked again on every connect. */
export const GetSchema = v.object({ generation: count, bootId: v.pipe(v.string(), v.maxLength(64)) });

/** Controller to device: everything up to `upTo` is stored but for `missing`. Cumulative, so a lost receipt costs nothing. */
export const ReceiptSchema = v.object({
  upTo: count,
  missing: v.pipe(v.array(sequence), v.maxLength(1_000)),
  /** The controller has seen a gap or a new bootId without a birth: publish `birth` again. */
  rebirth: v.optional(v.boolean()),
});
export type Receipt = v.InferOutput<typeof ReceiptSchema>;

/** A one-off order with an expiry: never retained, ignored when late or seen before. */
export const CommandSchema = v.object({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  expiresAt: TimeSchema,
  kind: v.picklist(['report', 'reconnect']),
  /** For `reconnect`: not before this many milliseconds. */
  retryAfterMs: v.optional(count),
});
export type Command = v.InferOutput<typeof CommandSchema>;

/** What an enrolment token carries, base64url JSON after the prefix `covey1.` */
export const EnrolmentTokenSchema = v.object({
  url: v.pipe(v.string(), v.url()),
  caFingerprint: DigestSchema,
  /** SHA-256 of the root metadata that the device begins to trust from. */
  trustDigest: DigestSchema,
  secret: v.pipe(v.string(), v.minLength(20), v.maxLength(100)),
});
export type EnrolmentToken = v.InferOutput<typeof EnrolmentTokenSchema>;

/** POST /enrol, answered with EnrolmentAnswer. The request travels over TLS whose CA the fingerprint has proven. */
export const EnrolmentRequestSchema = v.object({
  secret: v.pipe(v.string(), v.maxLength(100)),
  deviceId: DeviceIdSchema,
  csrPem: v.pipe(v.string(), v.maxLength(8_000)),
  /** Of the request's key, with its chain, where the enterprise's authority made one before. */
  certificatePem: v.optional(v.pipe(v.string(), v.maxLength(limits.certificatesChars))),
  tags: TagsSchema,
  /** That of the token: which root is to be in the answer. */
  trustDigest: DigestSchema,
});
export const EnrolmentAnswerSchema = v.object({
  deviceId: DeviceIdSchema,
  certificatePem: v.string(),
  caPem: v.string(),
  /** Root metadata, with the digest that was asked for. */
  trustRoot: v.string(),
  mqttUrl: v.string(),
  deviceUrl: v.string(),
  tags: TagsSchema,
  now: TimeSchema,
});
export type EnrolmentAnswer = v.InferOutput<typeof EnrolmentAnswerSchema>;

/** GET /identity on the device listener: what the controller says of the device whose certificate asks. */
export const IdentityAnswerSchema = v.object({
  deviceId: DeviceIdSchema,
  /** The device is to ask for a new certificate: the present one is past two thirds of its life, or its authority ends. */
  renewalDue: v.boolean(),
  /** PEM of every authority whose servers the device is to believe: during a change of the authority two. */
  caPem: v.pipe(v.string(), v.maxLength(limits.certificatesChars)),
  /** Whether the device's MQTT session is up. */
  online: v.boolean(),
  now: TimeSchema,
});
export type IdentityAnswer = v.InferOutput<typeof IdentityAnswerSchema>;

/** POST /identity/renewal; the connection shows the old certificate, which may have expired. */
export const RenewalRequestSchema = v.object({ csrPem: v.pipe(v.string(), v.maxLength(8_000)) });
export const RenewalAnswerSchema = v.object({
  certificatePem: v.pipe(v.string(), v.maxLength(limits.certificatesChars)),
  caPem: v.pipe(v.string(), v.maxLength(limits.certificatesChars)),
  now: TimeSchema,
});
export type RenewalAnswer = v.InferOutput<typeof RenewalAnswerSchema>;
