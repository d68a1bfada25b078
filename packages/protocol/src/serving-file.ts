import * as v from 'valibot';
import { ManifestSchema } from './manifest.ts';
import { PipelineSchema } from './pipeline/index.ts';
import { ServingSettingsSchema } from './serving.ts';

/** How a user says how a version is served, and what it needs, in one file: `covey model push --serving`. */
export const ServingFileSchema = v.strictObject({
  format: v.literal('covey-serving/1'),
  settings: v.optional(ServingSettingsSchema),
  pipeline: v.optional(PipelineSchema),
  requirements: ManifestSchema.entries.requirements,
  provides: ManifestSchema.entries.provides,
  depends: ManifestSchema.entries.depends,
});
export type ServingFile = v.InferOutput<typeof ServingFileSchema>;
