import * as z from 'zod';
import { type ErrorCode, errorCatalogue } from '../errors/index.ts';
import { limits } from '../limits.ts';

/** Terms that several requests share. Their rules are those of ids.ts, in zod for OpenAPI. */
export const Name = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/,
    'lower-case letters, digits, "-", "_" or ".", at most 63 characters',
  );
export const DeviceId = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'lower-case letters, digits or "-", at most 63 characters',
  );
export const SemanticVersion = z
  .string()
  .max(64)
  .regex(
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9a-z-]+(?:\.[0-9a-z-]+)*)?$/i,
    'a semantic version such as 1.2.0',
  );
/** How a request names a version: SemVer, number, or the name of a channel. */
export const VersionName = z.string().min(1).max(64).describe('a version (1.2.0), its number, or a channel');
export const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 digest in hex');
export const Time = z.int().min(0).describe('Unix milliseconds');
export const Count = z.int().min(0);
export const TagsDocument = z
  .record(Name, z.string().max(128))
  .refine((tags) => Object.keys(tags).length <= limits.tagsPerDevice, `at most ${limits.tagsPerDevice} tags`);
/** A group: `all`, or `key=value` pairs that a device's tags must all have. */
export const Selector = z
  .string()
  .min(1)
  .max(1_000)
  .describe('`all`, or tags that a device must all have: `site=lab,line=3`; `id=edge-1` is one device');

/** Every error of /v1 has this form. */
export const ErrorAnswer = z.object({
  code: z.enum(Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  remedy: z.string(),
});
