import * as z from 'zod';
import { updateStates } from '../messages.ts';
import { Count, DeviceId, Digest, Name, Selector, SemanticVersion, TagsDocument, Time } from './terms.ts';

export const VersionRef = z.object({
  model: Name,
  version: SemanticVersion,
  number: z.int().min(1),
  bundle: Digest,
});

const Share = z.number().min(0).max(1);

export const Evidence = z.object({
  verdict: z.enum(['pass', 'fail', 'open']),
  samples: Count,
  agreement: Share.nullable(),
  /** Holds the true rate with 95 % at every look. */
  agreementInterval: z.tuple([Share, Share]),
  errors: Count,
  requests: Count,
  errorRateInterval: z.tuple([Share, Share]),
  latencyRatio: z.number().nullable(),
  slower: Count,
  outputShift: Share.nullable(),
});

const SetBy = z.object({ kind: z.enum(['rollout', 'rollback', 'operator']), id: z.string() });

/** `setBy` and `setAt` are of the last order, whichever model it was for. */
export const DesiredView = z.object({
  generation: Count,
  releaseId: Digest,
  models: z.array(VersionRef),
  setBy: SetBy,
  setAt: Time,
  /** The last order for each model, also for the one taken off last. */
  orders: z.array(z.object({ model: Name, generation: Count, setBy: SetBy, setAt: Time })),
});

const Provider = z.enum(['cpu', 'webgpu']);

export const ServingView = z.object({
  ...VersionRef.shape,
  variant: Name,
  provider: Provider,
  /** Threads that compute one inference; absent where the device runs an older agent. */
  threads: Count.optional(),
});

const ProbeView = z.object({
  model: Name,
  version: SemanticVersion,
  variant: Name,
  provider: Provider,
  threads: Count.optional(),
  ok: z.boolean(),
  /** Why it is not right, or why it was chosen or not. */
  reason: z.string().nullable(),
  maxError: z.number().nullable(),
  latencyMs: z.number().nullable(),
  /** Holds the median with 95 % confidence. */
  latencyIntervalMs: z.tuple([z.number(), z.number()]).optional(),
  memoryBytes: z.number().nullable(),
  /** Where the model's nodes run, of a provider that may leave some to another. */
  placement: z
    .array(z.object({ provider: Provider, nodes: Count, operators: z.record(z.string(), Count) }))
    .optional(),
  chosen: z.boolean(),
});

export const ReportedView = z.object({
  at: Time,
  /** The desired generation that `state` is about. */
  generation: Count,
  state: z.enum(updateStates),
  /** `until`: of a deferred device, when it asks again. */
  reason: z.object({ code: z.string(), message: z.string(), until: Time.optional() }).nullable(),
  proof: z.enum(['proven', 'unproven']).nullable(),
  evidence: Evidence.nullable(),
  probe: z.array(ProbeView),
  serving: z.array(ServingView),
  runtimeDeaths: Count,
});

const SystemView = z.object({
  at: Time,
  agentRssBytes: z.number(),
  runtimeRssBytes: z.number(),
  cpu: z.number(),
  freeDiskBytes: z.number(),
  outboxMessages: Count,
  runtimeDeaths: Count,
});

const LinkView = z.object({
  /** Addresses that it is to use, by which change; null: those it was enrolled with, or was given last. */
  wanted: z.object({ id: z.string(), mqttUrl: z.string(), deviceUrl: z.string() }).nullable(),
  /** Of the device's last change: `takenBack` says why. */
  reported: z
    .object({
      id: z.string(),
      state: z.enum(['pending', 'kept', 'takenBack']),
      reason: z.string().nullable(),
    })
    .nullable(),
});

export const DeviceView = z.object({
  id: DeviceId,
  tags: TagsDocument,
  online: z.boolean(),
  enrolledAt: Time,
  /** Since when it is refused; null: it is not. */
  revokedAt: Time.nullable(),
  /** Why it is refused. After a reset its id may be enrolled again. */
  refusal: z.enum(['revoked', 'reset', 'quarantined']).nullable(),
  /** The one in use; null while it is refused. */
  certificate: z
    .object({ serial: z.string(), issuer: z.string(), issuedAt: Time, expiresAt: Time })
    .nullable(),
  /** The last sign that two machines use its identity. */
  clone: z.object({ at: Time, evidence: z.string(), message: z.string() }).nullable(),
  lastSeenAt: Time.nullable(),
  /** From the device's last birth; null before the first. */
  hardware: z
    .object({
      agentVersion: z.string(),
      os: z.string(),
      arch: z.string(),
      cpu: z.string(),
      cores: Count,
      memoryBytes: Count,
      providers: z.array(Provider),
      inferenceUrl: z.string().nullable(),
    })
    .nullable(),
  desired: DesiredView.nullable(),
  reported: ReportedView.nullable(),
  system: SystemView.nullable(),
  /** The way to the controller, as far as it was changed. */
  link: LinkView,
});
export type DeviceView = z.infer<typeof DeviceView>;

export const DevicesQuery = z.object({
  selector: Selector.default('all'),
  /** Devices whose id sorts behind this one. */
  after: DeviceId.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const DevicesAnswer = z.object({
  devices: z.array(DeviceView),
  /** Give it as `after` for the next page; null: this was the last. */
  next: DeviceId.nullable(),
});
export type DevicesAnswer = z.infer<typeof DevicesAnswer>;

/** PATCH /v1/devices/{device}: JSON merge patch (RFC 7396) of the tags; null removes one. */
export const DevicePatch = z.object({ tags: z.record(Name, z.string().max(128).nullable()) });
export type DevicePatch = z.infer<typeof DevicePatch>;

/** POST /v1/tokens: an enrolment token, shown once. */
export const TokenRequest = z.object({
  tags: TagsDocument.default({}),
  maxUses: z.int().min(1).max(100_000).default(1),
  expiresInMs: z
    .int()
    .min(1_000)
    .max(365 * 86_400_000)
    .default(3_600_000),
});
export const TokenAnswer = z.object({ id: z.string(), token: z.string(), expiresAt: Time });
export type TokenAnswer = z.infer<typeof TokenAnswer>;

/** GET /v1/tokens */
export const TokensAnswer = z.object({
  tokens: z.array(
    z.object({
      id: z.string(),
      tags: TagsDocument,
      maxUses: Count,
      uses: Count,
      createdAt: Time,
      createdBy: z.string(),
      expiresAt: Time,
      revokedAt: Time.nullable(),
    }),
  ),
});
export type TokensAnswer = z.infer<typeof TokensAnswer>;

/** POST /v1/authority: begins the change of the controller's certificate authority, or finishes it. */
export const AuthorityRequest = z.object({
  step: z.enum(['begin', 'finish']),
  /** Finishes although devices are behind: they have to be reset and enrolled again. */
  force: z.boolean().default(false),
});
export const AuthorityAnswer = z.object({
  /** SHA-256 of the authority's certificate. */
  fingerprint: Digest,
  /** Of the one that is to take over; null: there is no change under way. */
  nextFingerprint: Digest.nullable(),
  /** Devices, not refused, that have not renewed their certificate by the next one yet. */
  devicesBehind: z.array(DeviceId),
});
export type AuthorityAnswer = z.infer<typeof AuthorityAnswer>;
