import * as v from 'valibot';
import { NameSchema, VersionSchema } from './ids.ts';
import { limits } from './limits.ts';

const count = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const milliseconds = (most: number) => v.pipe(v.number(), v.minValue(0), v.maxValue(most));

/** Units of named resources: accelerators, memory, licences. */
export const ResourcesSchema = v.record(NameSchema, count(1, 1_000_000));

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
  /** Units of named resources that a run holds, shared by all models of the device. */
  resources: v.optional(ResourcesSchema),
  /** Equal requests are answered from memory, up to so many bytes. Left out: never. */
  cacheBytes: v.optional(count(1, 1024 * 1024 * 1024)),
});
export type ServingSettings = v.InferOutput<typeof ServingSettingsSchema>;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** A channel is never mistaken for a version or its number. */
const ChannelSchema = v.pipe(
  NameSchema,
  v.check((name) => !/^\d/.test(name), 'a channel begins with a letter'),
);

/** Where inputs may be sent: nobody on the way may read them, and no secret is in the address. */
export const CloudUrlSchema = v.pipe(
  v.string(),
  v.maxLength(limits.reasonChars),
  v.url(),
  v.check((text) => isPrivate(new URL(text)), 'https, or http on this machine alone'),
  v.check(
    (text) => isPlain(new URL(text)),
    'no user, password, query or fragment: a token comes from a file',
  ),
);

/** Requests the device is not sure about are asked of a bigger model elsewhere. */
export const CascadeSchema = v.object({
  /** Base URL of an Open Inference Protocol v2 server that has the binary extension. */
  url: CloudUrlSchema,
  model: NameSchema,
  version: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
  /** Absolute path of a file that holds a bearer token; read for every call, so that it may be replaced. */
  tokenPath: v.optional(v.pipe(v.string(), v.startsWith('/'), v.maxLength(4_096))),
  /** The output whose last axis tells how sure the device is. */
  output: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  /** What that output holds: numbers that add up to 1 (one alone is that of two classes), or what goes into a softmax. */
  scores: v.picklist(['probabilities', 'logits']),
  /** Asked when 1 + sum(p ln p) / ln K, the certainty of the scores p of K classes, is below this in any row. */
  certainty: share,
  timeoutMs: count(1, 60_000),
  /** Budgets: what is beyond them, in any hour, is answered by the device. Bytes are those of bodies, both ways. */
  callsPerHour: count(1, 1_000_000),
  bytesPerHour: count(1, 1024 * 1024 * 1024 * 1024),
});
export type Cascade = v.InferOutput<typeof CascadeSchema>;

/** Which version of a model answers which request. Versions named must be in the plan. */
export const RouteSchema = v.object({
  model: NameSchema,
  /** Answers requests that name neither version nor channel. */
  version: VersionSchema,
  /** Movable names for versions. */
  channels: v.optional(
    v.pipe(
      v.record(ChannelSchema, VersionSchema),
      v.check((channels) => Object.keys(channels).length <= 64, 'at most 64 channels'),
    ),
  ),
  /**
   * Shares of the requests that name neither version nor channel; the rest goes to `version`. Requests with one key stay
   * together, on every device, and stay where they are when the share of their version grows.
   */
  split: v.optional(
    v.pipe(
      v.array(v.object({ version: VersionSchema, share })),
      v.maxLength(16),
      v.check(
        (arms) => arms.reduce((sum, arm) => sum + arm.share, 0) <= 1 + 1e-9,
        'shares add up to at most 1',
      ),
      v.check(
        (arms) => new Set(arms.map(({ version }) => version)).size === arms.length,
        'a version has one share',
      ),
    ),
  ),
  /** A share of the answered requests is run on this version too, without effect, and the answers are compared. */
  shadow: v.optional(v.object({ version: VersionSchema, share })),
  cascade: v.optional(CascadeSchema),
});
export type Route = v.InferOutput<typeof RouteSchema>;

/** A route as a device's own settings have it: `version` is always the one that its release says. */
export const DeviceRouteSchema = v.omit(RouteSchema, ['version']);
export type DeviceRoute = v.InferOutput<typeof DeviceRouteSchema>;

/** Versions that a route names beside the one that answers without it. */
export function versionsNamed({ channels = {}, split = [], shadow }: DeviceRoute): string[] {
  const named = [...Object.values(channels), ...split.map(({ version }) => version)];
  return shadow ? [...named, shadow.version] : named;
}

function isPrivate({ protocol, hostname }: URL): boolean {
  const isLoopback =
    hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}

function isPlain({ username, password, search, hash }: URL): boolean {
  return username === '' && password === '' && search === '' && hash === '';
}
