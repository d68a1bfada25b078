import * as v from 'valibot';
import { NameSchema } from './ids.ts';
import { limits } from './limits.ts';

const positive = (most: number) => v.pipe(v.number(), v.minValue(1e-3), v.maxValue(most));
const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));

/** The caller that needs no token: programs on this machine, over loopback and the Unix socket. */
export const localCaller = 'local';

/** What a caller of the inference API may do, and how much of it. What is left out is not limited, unless said. */
const InferenceCallerSchema = v.strictObject({
  /** In logs and counts; its state outlives a new token. */
  name: NameSchema,
  /** SHA-256 of the token, lower-case hexadecimal. Only `local` has none. */
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  /** Left out: all. */
  models: v.optional(v.pipe(v.array(NameSchema), v.maxLength(256))),
  /** May load and unload models, against what the release says; and profile them, which `local` may anyway. */
  admin: v.optional(v.boolean()),
  requestsPerSecond: v.optional(positive(1_000_000)),
  /** Requests that may come at once after a rest. Left out: those of a second. */
  burst: v.optional(count(1_000_000)),
  /** Requests at a time. Left out: 16; of programs on this machine as many as they want. */
  concurrency: v.optional(count(10_000)),
  /** From midnight to midnight, UTC. */
  requestsPerDay: v.optional(count(1_000_000_000)),
  expiresAt: v.optional(v.pipe(v.string(), v.isoTimestamp())),
});
export type InferenceCaller = v.InferOutput<typeof InferenceCallerSchema>;

/** The tokens file: who may call the inference API. */
export const InferenceTokensSchema = v.pipe(
  v.array(InferenceCallerSchema),
  v.maxLength(limits.inferenceCallers),
  v.check((callers) => isUnique(callers.map(({ name }) => name)), 'a caller has one entry'),
  v.check(
    (callers) => isUnique(callers.flatMap(({ sha256 }) => sha256 ?? [])),
    'a token belongs to one caller',
  ),
  v.check(
    (callers) => callers.every(({ name, sha256 }) => (sha256 === undefined) === (name === localCaller)),
    `every caller has sha256, but ${localCaller}, which has none`,
  ),
  v.check(
    (callers) =>
      callers.every(({ burst, requestsPerSecond: rate }) => burst === undefined || rate !== undefined),
    'burst goes with requestsPerSecond',
  ),
);

function isUnique(texts: readonly string[]): boolean {
  return new Set(texts).size === texts.length;
}
