import * as z from 'zod';
import { datatypes } from '../tensors/index.ts';
import { Count, Digest, Name, SemanticVersion, Time, VersionName } from './terms.ts';
import { TargetsFiles } from './trust.ts';

/** POST /v1/chunks/missing: which of these the controller does not hold. */
export const MissingChunksRequest = z.object({ chunks: z.array(Digest).max(10_000) });
export const MissingChunksAnswer = z.object({ missing: z.array(Digest) });
export type MissingChunksAnswer = z.infer<typeof MissingChunksAnswer>;

/** POST /v1/models/{model}/versions: manifest and the metadata that lists it; all its chunks have been uploaded before. */
export const PublishRequest = z.object({ manifest: z.looseObject({}), targets: TargetsFiles });
export type PublishRequest = z.infer<typeof PublishRequest>;

export const VersionView = z.object({
  model: Name,
  version: SemanticVersion,
  /** Counts up per model, in the order of publication. */
  number: z.int().min(1),
  digest: Digest,
  publishedAt: Time,
  publishedBy: z.string(),
  description: z.string().nullable(),
  securityCounter: Count,
  variants: z.array(z.object({ name: Name, sizeBytes: Count })),
});
export type VersionView = z.infer<typeof VersionView>;

const TensorSpec = z.object({
  name: z.string(),
  datatype: z.enum(datatypes),
  shape: z.array(z.int()).describe('-1 is a dimension that varies'),
});
export const VersionDetail = z.object({
  ...VersionView.shape,
  schema: z.object({ inputs: z.array(TensorSpec), outputs: z.array(TensorSpec) }),
  classNames: z.array(z.string()).nullable(),
  files: z.array(z.object({ path: z.string(), sizeBytes: Count, sha256: Digest })),
  hasGolden: z.boolean(),
  hasReference: z.boolean(),
  serving: z.unknown().describe('how the version wants to be served; null where the bundle does not say'),
  pipeline: z
    .unknown()
    .describe('what is done before and after the model; null where the bundle declares nothing'),
  requirements: z.unknown().describe('what a device must have; null where the bundle asks for nothing'),
  provides: z.unknown().describe('names under which others may depend on it; null where it declares none'),
  depends: z.unknown().describe('what has to be in the same release; null where it needs nothing'),
  evaluation: z.unknown().describe('the evaluation report in the bundle; null where it has none'),
});
export type VersionDetail = z.infer<typeof VersionDetail>;

export const ModelView = z.object({
  name: Name,
  createdAt: Time,
  /** Newest first. */
  versions: z.array(VersionView),
  channels: z.record(Name, SemanticVersion),
});
export type ModelView = z.infer<typeof ModelView>;
export const ModelsAnswer = z.object({ models: z.array(ModelView) });
export type ModelsAnswer = z.infer<typeof ModelsAnswer>;

/** PUT /v1/models/{model}/channels/{channel} */
export const ChannelRequest = z.object({ version: VersionName });
