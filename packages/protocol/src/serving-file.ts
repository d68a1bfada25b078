import * as v from 'valibot';
import { PipelineSchema } from './pipeline.ts';
import { ServingSettingsSchema } from './serving.ts';

/** How a user says how a version is served, in one file: `covey model push --serving`. */
export const ServingFileSchema = v.strictObject({
  format: v.literal('covey-serving/1'),
  settings: v.optional(ServingSettingsSchema),
  pipeline: v.optional(PipelineSchema),
});
export type ServingFile = v.InferOutput<typeof ServingFileSchema>;
