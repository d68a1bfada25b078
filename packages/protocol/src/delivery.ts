import * as v from 'valibot';
import { TimeSchema } from './ids.ts';
import { limits } from './limits.ts';

const dayMs = 86_400_000;
const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const upTo = (mostMs: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(mostMs));

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** A stretch of time that comes again every week, on the clock on the wall where the device is. */
export const MaintenanceWindowSchema = v.object({
  days: v.pipe(v.array(v.picklist(weekdays)), v.minLength(1), v.maxLength(7)),
  /** Local time, `22:30`. A time that a change of the clocks leaves out counts as the hour after it, one that comes twice as the first. */
  start: v.pipe(v.string(), v.regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of the day such as 22:30')),
  /** As it passes, whatever the clocks do meanwhile. */
  durationMinutes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_440)),
});
export type MaintenanceWindow = v.InferOutput<typeof MaintenanceWindowSchema>;

/** What may be moved. Absent is unlimited. */
export const AllowanceSchema = v.object({
  bytesPerSecond: v.optional(v.pipe(bytes, v.minValue(1_024))),
  /** Of the device: in its own day; of a site and a rollout: in the day of UTC. */
  bytesPerDay: v.optional(bytes),
  /** In all, for this rollout. */
  bytes: v.optional(bytes),
});
export type Allowance = v.InferOutput<typeof AllowanceSchema>;

/** When, over what and how much of a release comes to a device. An empty one holds nothing back. */
export const DeliveryPolicySchema = v.object({
  /** Absent: at any time. */
  windows: v.optional(v.pipe(v.array(MaintenanceWindowSchema), v.minLength(1), v.maxLength(32))),
  /** What is allowed outside of the windows. */
  outsideWindows: v.picklist(['nothing', 'download']),
  /** What a device that pays by the byte may fetch; `deltas`: what travels against a file that it has. */
  meteredLink: v.union([v.picklist(['everything', 'nothing', 'deltas']), v.object({ upToBytes: bytes })]),
  /** What happens when there is no delta for a file that has one on the device to be told from, or when it fails. */
  whenDeltaFails: v.picklist(['full', 'delta-only']),
  /** How long after the order somebody on the device may hold it up; absent: as long as they like. */
  vetoDeadlineMs: v.optional(upTo(365 * dayMs)),
  /** Devices start at moments spread over this time after the order, each always at its own. */
  spreadMs: upTo(7 * dayMs),
  device: AllowanceSchema,
  /** Of the devices with the same tag `site`, together. */
  site: AllowanceSchema,
  /** Of all devices of the rollout, together. */
  rollout: AllowanceSchema,
});
export type DeliveryPolicy = v.InferOutput<typeof DeliveryPolicySchema>;

/** Holds nothing back. */
export const openDelivery: DeliveryPolicy = {
  outsideWindows: 'nothing',
  meteredLink: 'everything',
  whenDeltaFails: 'full',
  spreadMs: 0,
  device: {},
  site: {},
  rollout: {},
};

/** `hold.json` in a device's data folder: somebody on the device asks that nothing changes until then. */
export const HoldSchema = v.object({
  format: v.literal('covey-hold/1'),
  until: TimeSchema,
  reason: v.pipe(v.string(), v.maxLength(limits.reasonChars)),
});
export type Hold = v.InferOutput<typeof HoldSchema>;

/** `network.json` in a device's data folder, for whatever manages its connections: whether bytes cost money now. */
export const NetworkSchema = v.object({ format: v.literal('covey-network/1'), metered: v.boolean() });
export type Network = v.InferOutput<typeof NetworkSchema>;
