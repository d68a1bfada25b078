import * as z from 'zod';
import { type DeliveryPolicy, weekdays } from '../delivery.ts';
import { type SoakPolicy, updateStates } from '../messages.ts';
import { Evidence } from './devices.ts';
import { Count, DeviceId, Name, Selector, SemanticVersion, Time, VersionName } from './terms.ts';

export const rolloutStates = ['running', 'paused', 'reverting', 'succeeded', 'reverted'] as const;
export type RolloutStateName = (typeof rolloutStates)[number];
export const waveStates = ['waiting', 'moving', 'passed', 'accepted', 'inconclusive', 'failed'] as const;
export type WaveStateName = (typeof waveStates)[number];
/**
 * What a rollout knows of one of its devices. `proven` and `unproven`: committed, with or without enough evidence;
 * `failed`: it went back or refused; `silent`: no outcome within the gate's time; `returning` and `returned`: taken back.
 */
export const memberStates = [
  'waiting',
  'moving',
  'proven',
  'unproven',
  'failed',
  'silent',
  'returning',
  'returned',
] as const;
export type MemberState = (typeof memberStates)[number];

const percent = z.number().min(0).max(100);
/** How many devices a wave takes: a count, or a percentage of all members, rounded up. The devices left over are one last wave. */
export const WaveSize = z.union([
  z.strictObject({ count: z.int().min(1) }),
  z.strictObject({ percent: z.number().gt(0).max(100) }),
]);
export type WaveSize = z.infer<typeof WaveSize>;

/** When a wave has passed. Failures are judged at once, success when every device has an outcome or has timed out. */
export const Gate = z.object({
  successPercent: percent.default(100),
  /** More failed devices than this take the rollout back. */
  failurePercent: percent.default(0),
  /** A device without an outcome after this is `silent`; at least the soak's `maxDurationMs`. */
  timeoutMs: z
    .int()
    .min(1_000)
    .max(30 * 86_400_000)
    .default(900_000),
  /** So long after its success a rollout is re-opened by a device that goes back, or serves something else. */
  watchMs: z
    .int()
    .min(0)
    .max(30 * 86_400_000)
    .default(86_400_000),
  /** Whether a commit without enough evidence counts as success. On a first install it always does: nothing to compare with. */
  unprovenCounts: z.boolean().default(false),
});
export type Gate = z.infer<typeof Gate>;

const fraction = z.number().min(0).max(1);
export const Soak = z.object({
  minSamples: z.int().min(1).default(50),
  maxDurationMs: z
    .int()
    .min(1)
    .max(30 * 86_400_000)
    .default(600_000),
  minAgreement: fraction.default(0.98),
  maxErrorRate: fraction.default(0.01),
  maxLatencyRatio: z.number().min(0).default(3),
  maxMemoryRatio: z.number().min(0).default(3),
  maxOutputShift: fraction.default(0.1),
}) satisfies z.ZodType<SoakPolicy>;

const bytes = z.int().min(0);
const Allowance = z.object({
  bytesPerSecond: bytes.min(1_024).optional(),
  bytesPerDay: bytes.optional(),
  /** In all. */
  bytes: bytes.optional(),
});
const MaintenanceWindow = z.object({
  days: z.array(z.enum(weekdays)).min(1).max(7),
  /** On the device's own clock. */
  start: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of the day such as 22:30'),
  durationMinutes: z.int().min(1).max(1_440),
});

/** When, over what and how much comes to a device; see `DeliveryPolicySchema`. Not given: nothing is held back. */
export const Delivery = z.object({
  windows: z.array(MaintenanceWindow).min(1).max(32).optional(),
  outsideWindows: z.enum(['nothing', 'download']).default('nothing'),
  meteredLink: z
    .union([z.enum(['everything', 'nothing', 'deltas']), z.object({ upToBytes: bytes })])
    .default('everything'),
  whenDeltaFails: z.enum(['full', 'delta-only']).default('full'),
  vetoDeadlineMs: z
    .int()
    .min(0)
    .max(365 * 86_400_000)
    .optional(),
  spreadMs: z
    .int()
    .min(0)
    .max(7 * 86_400_000)
    .default(0),
  device: Allowance.prefault({}),
  site: Allowance.prefault({}),
  rollout: Allowance.prefault({}),
}) satisfies z.ZodType<DeliveryPolicy>;
export type Delivery = z.infer<typeof Delivery>;

export const RolloutRequest = z.object({
  model: Name,
  version: VersionName,
  selector: Selector.default('all'),
  strategy: z.literal('rolling').default('rolling'),
  waves: z
    .array(WaveSize)
    .max(100)
    .default([{ count: 1 }]),
  gate: Gate.prefault({}),
  soak: Soak.prefault({}),
  delivery: Delivery.prefault({}),
  /** Devices on which the version failed lately try it at once; else each waits until its penalty is over. */
  force: z.boolean().default(false),
});
export type RolloutRequest = z.infer<typeof RolloutRequest>;

/** A request whose version has been resolved: what is carried out, unchangeable. */
export const RolloutPlan = z.object({ ...RolloutRequest.shape, version: SemanticVersion });
export type RolloutPlan = z.infer<typeof RolloutPlan>;

export const RolloutMember = z.object({
  device: DeviceId,
  state: z.enum(memberStates),
  /** While it is moved or taken back, how far its device says it is; null: it has not answered to that order yet, or has an outcome. */
  phase: z.enum(updateStates).nullable(),
  /** The version it had before; null: a first install. */
  previous: SemanticVersion.nullable(),
  reason: z.string().nullable(),
  evidence: Evidence.nullable(),
  /** The desired generation that this rollout last set. */
  generation: Count.nullable(),
  updatedAt: Time,
});

export const RolloutView = z.object({
  id: z.string(),
  plan: RolloutPlan,
  state: z.enum(rolloutStates),
  /** Why it stands where it stands, when there is something to say. */
  reason: z.string().nullable(),
  /** Index of the wave that is being moved or was moved last. */
  wave: Count,
  waves: z.array(z.object({ state: z.enum(waveStates), devices: z.array(RolloutMember) })),
  createdAt: Time,
  createdBy: z.string(),
  updatedAt: Time,
});
export type RolloutView = z.infer<typeof RolloutView>;
/**
 * The answer to a request for a rollout. `begun` is false where every device is to run the version already, or is brought there by one rollout: then it is the
 * rollout that is bringing it to them, or one without waves that has succeeded at once.
 */
export const RequestedRollout = z.object({ ...RolloutView.shape, begun: z.boolean() });
export type RequestedRollout = z.infer<typeof RequestedRollout>;
export const RolloutsQuery = z.object({
  model: Name.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
/** Newest first. */
export const RolloutsAnswer = z.object({ rollouts: z.array(RolloutView) });
export type RolloutsAnswer = z.infer<typeof RolloutsAnswer>;

/** POST /v1/rollbacks: the version before, in one request. */
export const RollbackRequest = z.object({ model: Name, selector: Selector.default('all') });
export type RollbackRequest = z.infer<typeof RollbackRequest>;
export const RollbackAnswer = z.object({
  id: z.string(),
  model: Name,
  /** Rollouts under way that this rollback aborted; they take their own devices back. */
  aborted: z.array(z.string()),
  devices: z.array(
    z.object({
      device: DeviceId,
      from: SemanticVersion,
      to: SemanticVersion.nullable().describe('null: the model is removed, it was a first install'),
      /** Wait until the device reports this generation. */
      generation: Count,
    }),
  ),
  /** Devices of the selector that have nothing to go back to, and why. */
  skipped: z.array(z.object({ device: DeviceId, reason: z.string() })),
});
export type RollbackAnswer = z.infer<typeof RollbackAnswer>;

/** POST /v1/rollouts/preview: what a rollout would bring over the network, before it is begun. */
export const PreviewRequest = z.object({
  model: Name,
  version: VersionName,
  selector: Selector.default('all'),
  waitMs: z
    .int()
    .min(0)
    .max(10_000)
    .default(5_000)
    .describe('how long to wait for transfers to be made; TRANSFER_PENDING after that: ask again'),
});
export type PreviewRequest = z.infer<typeof PreviewRequest>;

/** How a file comes: it is there already, as a transfer from a version or from nothing, or chunk by chunk. */
const PreviewFile = z.object({
  path: z.string(),
  sizeBytes: Count,
  how: z.enum(['here', 'transfer', 'chunks']),
  from: SemanticVersion.nullable().describe('the version whose file is the base; null: from nothing'),
  wireBytes: Count,
});
export const RolloutPreview = z.object({
  model: Name,
  version: SemanticVersion,
  /** Of every device: the manifest. Metadata of trust and the bytes of HTTP and TLS are not counted. */
  manifestBytes: Count,
  /** Devices of one hardware that serve one version: the same comes to each of them. */
  classes: z.array(
    z.object({
      hardware: z.string().nullable().describe('null: the devices have never connected'),
      from: SemanticVersion.nullable().describe('the version they serve; null: none'),
      devices: Count,
      files: z.array(PreviewFile),
      bytesPerDevice: Count,
    }),
  ),
  /** By the tag `site`; null: devices without one. */
  sites: z.array(z.object({ site: z.string().nullable(), devices: Count, wireBytes: Count })),
  devices: Count,
  wireBytes: Count,
});
export type RolloutPreview = z.infer<typeof RolloutPreview>;
