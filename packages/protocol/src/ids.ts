import * as v from 'valibot';
import { limits } from './limits.ts';

/** Device ids, model names, group names, tag keys: lower case, digits, `-`, `_` and `.`, so that they fit topics, paths and labels. */
export const NameSchema = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/,
    'lower-case letters, digits, "-", "_" or ".", at most 63 characters',
  ),
);

/** A device id is a name without dots: it is also the common name of a certificate and a topic level. */
export const DeviceIdSchema = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'lower-case letters, digits or "-", at most 63 characters',
  ),
);

/** SemVer 2.0.0, without build metadata (two builds of one version cannot be told apart by clients). */
export const VersionSchema = v.pipe(
  v.string(),
  v.maxLength(64),
  v.regex(
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9a-z-]+(?:\.[0-9a-z-]+)*)?$/i,
    'a semantic version such as 1.2.0',
  ),
);

/** SHA-256 in lower-case hex. */
export const DigestSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 digest in hex'));

export const TagsSchema = v.pipe(
  v.record(NameSchema, v.pipe(v.string(), v.maxLength(128))),
  v.check((tags) => Object.keys(tags).length <= limits.tagsPerDevice, `at most ${limits.tagsPerDevice} tags`),
);

/** Names of the agent's own software, `covey-agent-linux-x64`: it is versioned, signed and rolled out as a model is. */
const softwarePrefix = 'covey-agent-';
export const softwareName = (platform: string): string => `${softwarePrefix}${platform}`;
export const isSoftware = (model: string): boolean => model.startsWith(softwarePrefix);

export const TimeSchema = v.pipe(v.number(), v.integer(), v.minValue(0));

export type Tags = Record<string, string>;
