import * as v from 'valibot';
import { limits } from './limits.ts';
import { ManifestSchema } from './manifest.ts';
import { PipelineSchema } from './pipeline/index.ts';
import { DeviceRouteSchema, ResourcesSchema, ServingSettingsSchema } from './serving.ts';

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

/** How a device serves, whatever its release holds, in one file: `covey agent --serving`. */
export const DeviceServingSchema = v.strictObject({
  format: v.literal('covey-device-serving/1'),
  /** What there is of named resources, for all models together; of what is not named there is what the neediest model takes. */
  resources: v.optional(ResourcesSchema),
  routes: v.optional(
    v.pipe(
      v.array(DeviceRouteSchema),
      v.maxLength(limits.modelsPerRelease),
      v.check(
        (routes) => new Set(routes.map(({ model }) => model)).size === routes.length,
        'a model has one route',
      ),
    ),
  ),
});
export type DeviceServing = v.InferOutput<typeof DeviceServingSchema>;
