import * as v from 'valibot';
import { NameSchema, VersionSchema } from './ids.ts';
import { limits } from './limits.ts';

const count = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const milliseconds = (most: number) => v.pipe(v.number(), v.minValue(0), v.maxValue(most));

/**
 * How a version wants to be served, declared in its bundle. All of it may be left out: then the runtime measures and
 * chooses.
 */
export const ServingSettingsSchema = v.object({
  batching: v.optional(
    v.object({
      /** Most inferences in one run; 1 switches batching off. Left out: as many as pay, by measurement. */
      maxBatchSize: v.optional(count(1, 1_024)),
      /** Longest time a request may wait for others to join it. Left out or 0: only what waits already runs together. */
      maxDelayMs: v.optional(milliseconds(1_000)),
      /** A batch is padded up to the next of these. Left out: measured. */
      sizes: v.optional(v.pipe(v.array(count(1, 1_024)), v.minLength(1), v.maxLength(32))),
    }),
  ),
  /** Sessions of the model side by side. */
  instances: v.optional(v.object({ min: count(1, 64), max: count(1, 64) })),
  /** Unloaded after so long without a request, loaded again by the next one. Left out: never. */
  idleUnloadMs: v.optional(count(1_000, 7 * 24 * 60 * 60 * 1_000)),
  /** Requests that may wait; one more is refused. */
  maxQueueLength: v.optional(count(1, 10_000)),
  /** Units of named resources that a run holds, shared by all models of the device (accelerators, memory, licences). */
  resources: v.optional(v.record(NameSchema, count(1, 1_000_000))),
  /** Equal requests are answered from memory, up to so many bytes. Left out: never. */
  cacheBytes: v.optional(count(1, 1024 * 1024 * 1024)),
});
export type ServingSettings = v.InferOutput<typeof ServingSettingsSchema>;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Which version of a model answers which request. Versions named must be in the plan. */
export const RouteSchema = v.object({
  model: NameSchema,
  /** Answers requests that name neither version nor channel. */
  version: VersionSchema,
  /** Movable names for versions. */
  channels: v.optional(v.record(NameSchema, VersionSchema)),
  /** Shares of the requests that name neither version nor channel; the rest goes to `version`. Requests with one key stay together. */
  split: v.optional(
    v.pipe(
      v.array(v.object({ version: VersionSchema, share })),
      v.maxLength(16),
      v.check(
        (arms) => arms.reduce((sum, arm) => sum + arm.share, 0) <= 1 + 1e-9,
        'shares add up to at most 1',
      ),
    ),
  ),
  /** Answered requests are run on this version too, without effect, and the answers are compared. */
  shadow: v.optional(v.object({ version: VersionSchema, share })),
  /** Requests the device is not sure about are asked of a bigger model elsewhere. */
  cascade: v.optional(
    v.object({
      /** Base URL of an Open Inference Protocol server: https, or loopback. */
      url: v.pipe(v.string(), v.url(), v.maxLength(limits.reasonChars)),
      model: NameSchema,
      version: v.optional(v.pipe(v.string(), v.maxLength(limits.nameChars))),
      /** The output whose scores tell how sure the device is. */
      output: v.pipe(v.string(), v.maxLength(256)),
      /** Asked when 1 + sum(p ln p) / ln K, the certainty of the scores p of K classes, is below this. */
      certainty: share,
      timeoutMs: count(1, 60_000),
      /** Budgets: what is beyond them is answered locally. */
      callsPerHour: count(1, 1_000_000),
      bytesPerHour: count(1, 1024 * 1024 * 1024 * 1024),
    }),
  ),
});
export type Route = v.InferOutput<typeof RouteSchema>;
