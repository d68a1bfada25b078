import * as z from 'zod';
import { DesiredView, Evidence, ServingView } from './devices.ts';
import { DeviceId, Name, SemanticVersion, Time } from './terms.ts';

export const AuditQuery = z.object({
  /** Entries with a smaller id: for the next page back. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
/** Newest first. */
export const AuditAnswer = z.object({
  entries: z.array(
    z.object({
      id: z.int(),
      at: Time,
      /** `admin`, `device:<id>` or `system`. */
      actor: z.string(),
      action: z.string(),
      subject: z.string(),
      detail: z.unknown(),
    }),
  ),
  /** Give it as `before` for the next page; null: this was the last. */
  next: z.int().nullable(),
});
export type AuditAnswer = z.infer<typeof AuditAnswer>;

/** GET /v1/why/{device}/{model}: why this device serves what it serves. */
export const WhyAnswer = z.object({
  device: DeviceId,
  model: Name,
  online: z.boolean(),
  lastSeenAt: Time.nullable(),
  /** What the device says it serves; null: not this model, or it has never reported. */
  serving: ServingView.nullable(),
  /** By the last order for this model. */
  wanted: z
    .object({
      version: SemanticVersion,
      setBy: DesiredView.shape.setBy,
      setAt: Time,
    })
    .nullable(),
  /** What came of the last order for this model; null: nothing yet, or nobody knows any more. */
  proof: z.enum(['proven', 'unproven']).nullable(),
  /** What its soak saw. */
  evidence: Evidence.nullable(),
  /** The answer in sentences, most important first. */
  statements: z.array(z.string()),
  /** What led here, newest first. */
  history: z.array(
    z.object({ at: Time, source: z.enum(['rollout', 'event', 'audit']), message: z.string() }),
  ),
});
export type WhyAnswer = z.infer<typeof WhyAnswer>;

/** GET /v1/changes?after=: waits until something changed after the cursor, or until `timeoutMs`. */
export const ChangesQuery = z.object({
  /** The cursor of the answer before; absent: begin now, answered at once. */
  after: z.string().max(64).optional(),
  timeoutMs: z.coerce.number().int().min(0).max(30_000).default(25_000),
});
export const changeKinds = ['device', 'rollout', 'model', 'monitoring', 'link'] as const;
export const ChangesAnswer = z.object({
  cursor: z.string(),
  /** The cursor was of another start of the controller, or too old: read everything anew. */
  reset: z.boolean(),
  changes: z.array(z.object({ kind: z.enum(changeKinds), id: z.string() })),
});
export type ChangesAnswer = z.infer<typeof ChangesAnswer>;

export const HealthAnswer = z.object({
  status: z.literal('ok'),
  version: z.string(),
  now: Time,
});
export type HealthAnswer = z.infer<typeof HealthAnswer>;
