import { CoveyError, checkDocument, limits, parseJson, toCoveyError } from '@covey/protocol';
import * as v from 'valibot';
import { canonicalBytes } from './canonical.ts';

/*
 * TUF metadata as the specification 1.0.x, section 4, describes it. Fields that are not named here stay what they are: a
 * signature is over all that was sent. Read with our own schemas, not with @tufjs/models: that took 0.35 s for a snapshot of 1,000
 * roles and 6.8 s for one of 4,000 (it copies the whole for each entry), and loses the order of delegations named by numbers.
 */

const text = v.pipe(v.string(), v.maxLength(512));
const wholeNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

const TufKeySchema = v.looseObject({
  keytype: text,
  scheme: text,
  keyval: v.looseObject({ public: v.pipe(v.string(), v.maxLength(8_192)) }),
});
export type TufKey = v.InferOutput<typeof TufKeySchema>;

const keys = v.record(v.string(), TufKeySchema);
const role = {
  keyids: v.pipe(
    v.array(text),
    v.maxLength(256),
    v.check((ids) => new Set(ids).size === ids.length, 'a key id appears twice'),
  ),
  threshold: counter,
};
const RoleSchema = v.looseObject(role);
export type Role = v.InferOutput<typeof RoleSchema>;

const header = {
  spec_version: v.pipe(v.string(), v.regex(/^1\.\d+(?:\.\d+)?$/, 'a version 1 of the specification')),
  version: counter,
  /** ISO 8601 in UTC, to the second. */
  expires: v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'a time such as 2026-01-01T00:00:00Z'),
    v.check((time) => !Number.isNaN(Date.parse(time)), 'a time that exists'),
  ),
};

const hashes = v.record(v.pipe(v.string(), v.maxLength(32)), v.pipe(v.string(), v.maxLength(256)));
const MetaFileSchema = v.looseObject({
  version: counter,
  length: v.optional(wholeNumber),
  hashes: v.optional(hashes),
});
export type MetaFile = v.InferOutput<typeof MetaFileSchema>;

const TargetFileSchema = v.looseObject({
  length: wholeNumber,
  hashes,
  custom: v.optional(v.looseObject({})),
});
export type TargetFile = v.InferOutput<typeof TargetFileSchema>;

/** Covey's own field of a delegated role: what else must hold for what the role signs to be installed. */
export const limitsField = 'x-covey-limits';
const RoleLimitsSchema = v.strictObject({
  /** Tags that the device was enrolled with. */
  tags: v.record(text, text),
});
export type RoleLimits = v.InferOutput<typeof RoleLimitsSchema>;

const topLevel = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type TopLevelRole = (typeof topLevel)[number];

const DelegatedRoleSchema = v.pipe(
  v.looseObject({
    ...role,
    name: v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(255),
      v.check((name) => !(topLevel as readonly string[]).includes(name), 'a name of a top-level role'),
    ),
    terminating: v.boolean(),
    paths: v.optional(v.array(text)),
    path_hash_prefixes: v.optional(v.array(text)),
    // Limits that cannot be read are no limits that could be kept: the whole document is refused.
    [limitsField]: v.optional(RoleLimitsSchema),
  }),
  v.check(({ paths, path_hash_prefixes }) => !(paths && path_hash_prefixes), 'both kinds of paths'),
);
export type DelegatedRole = v.InferOutput<typeof DelegatedRoleSchema>;

const DelegationsSchema = v.looseObject({
  keys,
  roles: v.optional(
    v.pipe(
      v.array(DelegatedRoleSchema),
      v.check(
        (roles) => new Set(roles.map(({ name }) => name)).size === roles.length,
        'a role appears twice',
      ),
    ),
  ),
  succinct_roles: v.optional(
    v.looseObject({ ...role, bit_length: v.pipe(counter, v.maxValue(32)), name_prefix: text }),
  ),
});

const RootSchema = v.looseObject({
  _type: v.literal('root'),
  ...header,
  consistent_snapshot: v.optional(v.boolean()),
  keys,
  roles: v.looseObject({
    root: RoleSchema,
    targets: RoleSchema,
    snapshot: RoleSchema,
    timestamp: RoleSchema,
  }),
});
const TimestampSchema = v.looseObject({
  _type: v.literal('timestamp'),
  ...header,
  meta: v.looseObject({ 'snapshot.json': MetaFileSchema }),
});
const SnapshotSchema = v.looseObject({
  _type: v.literal('snapshot'),
  ...header,
  meta: v.record(v.string(), MetaFileSchema),
});
const TargetsSchema = v.looseObject({
  _type: v.literal('targets'),
  ...header,
  targets: v.record(v.string(), TargetFileSchema),
  delegations: v.optional(DelegationsSchema),
});

const schemas = {
  root: RootSchema,
  timestamp: TimestampSchema,
  snapshot: SnapshotSchema,
  targets: TargetsSchema,
};
export type Root = v.InferOutput<typeof RootSchema>;
export type Timestamp = v.InferOutput<typeof TimestampSchema>;
export type Snapshot = v.InferOutput<typeof SnapshotSchema>;
export type Targets = v.InferOutput<typeof TargetsSchema>;
type SignedOf<K extends TopLevelRole> = v.InferOutput<(typeof schemas)[K]>;

const SignatureSchema = v.looseObject({ keyid: text, sig: v.pipe(v.string(), v.maxLength(4_096)) });
export type Signature = v.InferOutput<typeof SignatureSchema>;
const FileSchema = v.looseObject({
  signed: v.looseObject({}),
  signatures: v.pipe(
    v.array(SignatureSchema),
    v.maxLength(256),
    v.check((all) => new Set(all.map(({ keyid }) => keyid)).size === all.length, 'a key signs twice'),
  ),
});

/** A metadata file that was read; nothing in it is to be believed before `verifySignatures`. */
export interface Metadata<Signed> {
  signed: Signed;
  signatures: Signature[];
  /** What the signatures are over. */
  payload: Uint8Array;
  /** As it came, and is kept. */
  bytes: Uint8Array;
}

/** Largest files of each role that a client takes (section 5: "up to some fixed number of bytes"). */
export const maxBytes: Record<TopLevelRole, number> = {
  root: limits.trustRootBytes,
  timestamp: limits.trustTimestampBytes,
  snapshot: limits.trustSnapshotBytes,
  targets: limits.trustTargetsBytes,
};

/** Errors: TRUST_MALFORMED, whatever is wrong with it. */
export function parseMetadata<K extends TopLevelRole>(kind: K, bytes: Uint8Array): Metadata<SignedOf<K>> {
  try {
    const file = checkDocument(FileSchema, parseJson(bytes, `${kind} metadata`, maxBytes[kind]), kind);
    // The schema's copy leaves out names such as `__proto__`; the signature is over what was sent.
    const { signed: sent } = JSON.parse(new TextDecoder().decode(bytes)) as { signed: unknown };
    const signed = checkDocument(schemas[kind] as v.GenericSchema, sent, kind) as SignedOf<K>;
    return { signed, signatures: file.signatures, payload: canonicalBytes(sent), bytes };
  } catch (cause) {
    throw new CoveyError('TRUST_MALFORMED', toCoveyError(cause).message, { cause });
  }
}
