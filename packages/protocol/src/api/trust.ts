import * as z from 'zod';
import { Digest } from './terms.ts';

/** A metadata file as it is signed: the controller checks it as devices do (TUF specification 1.0.x, section 4). */
export const SignedDocument = z.object({
  signed: z.looseObject({}),
  signatures: z.array(z.looseObject({ keyid: z.string(), sig: z.string() })).max(256),
});
export type SignedDocument = z.infer<typeof SignedDocument>;

/** Targets files by role. */
export const TargetsFiles = z.record(z.string().max(255), SignedDocument);

/** POST /v1/trust: roots one after another, and targets files by role; all of it comes in force at once. */
export const TrustUpload = z.object({
  roots: z.array(SignedDocument).max(256).default([]),
  targets: TargetsFiles.default({}),
});

/** GET /v1/trust: who may sign for what. */
export const TrustView = z.object({
  /** Of the controller: a root must name it for snapshot and timestamp. */
  onlineKey: z.looseObject({
    keyid: Digest,
    keytype: z.string(),
    scheme: z.string(),
    keyval: z.looseObject({ public: z.string() }),
  }),
  /** SHA-256 of the newest root; null before the first. */
  rootDigest: Digest.nullable(),
  roles: z.array(
    z.object({
      name: z.string(),
      /** Null: nothing was published for the role yet. */
      version: z.int().nullable(),
      expires: z.string().nullable(),
      threshold: z.int(),
      keyids: z.array(z.string()),
      /** Null for roles of the root. */
      delegator: z.string().nullable(),
      paths: z.array(z.string()).nullable(),
      /** What the role signs is for devices with these tags alone; null: for all. */
      tags: z.record(z.string(), z.string()).nullable(),
    }),
  ),
});
export type TrustView = z.infer<typeof TrustView>;
