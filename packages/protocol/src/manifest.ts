import * as v from 'valibot';
import { DigestSchema, NameSchema, VersionSchema } from './ids.ts';
import { limits } from './limits.ts';
import { PipelineSchema } from './pipeline/index.ts';
import { DependencySchema, RequirementsSchema } from './requirements.ts';
import { ServingSettingsSchema } from './serving.ts';
import { TensorSpecSchema } from './tensors/index.ts';
import { ToleranceSchema } from './tolerance.ts';

/** A path inside a bundle: relative, no `..`, no leading slash. */
export const BundlePathSchema = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,4}$/, 'a plain relative path'),
);

/** A file of a bundle as its chunks in order. Chunks may differ in size, so that content-defined cutting fits this shape too. */
export const BundleFileSchema = v.object({
  path: BundlePathSchema,
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limits.fileBytes)),
  sha256: DigestSchema,
  chunks: v.pipe(
    v.array(
      v.object({
        sha256: DigestSchema,
        sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(limits.chunkBytes)),
      }),
    ),
    v.maxLength(65_536),
  ),
});
export type BundleFile = v.InferOutput<typeof BundleFileSchema>;

/** One precision or format of a version. `name` is a word such as `fp32`, `int8-qdq`, `int8-dynamic`, `int4-weight`. */
export const VariantSchema = v.object({
  name: NameSchema,
  file: BundlePathSchema,
  /** What counts as equal to the golden outputs: all of these hold. Outputs that none is about have the right type and shape. */
  tolerances: v.pipe(v.array(ToleranceSchema), v.minLength(1), v.maxLength(limits.tensorsPerModel)),
  requirements: v.optional(RequirementsSchema),
});
export type Variant = v.InferOutput<typeof VariantSchema>;

/** What the outputs mean, where the publisher knows: lets summaries count classes and the soak compare decisions. */
export const ClassificationSchema = v.object({
  output: v.pipe(v.string(), v.maxLength(256)),
  classNames: v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(128))),
    v.minLength(2),
    v.maxLength(limits.classNames),
  ),
});

export type Classification = v.InferOutput<typeof ClassificationSchema>;

/** Empty where the bundle is no model; see `checkManifest`. */
const tensorList = v.pipe(v.array(TensorSpecSchema), v.maxLength(limits.tensorsPerModel));

/** The manifest of a bundle. Its digest (SHA-256 of its canonical JSON) is the identity of the version. */
export const ManifestSchema = v.object({
  format: v.literal('covey-bundle/1'),
  model: NameSchema,
  version: VersionSchema,
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  description: v.optional(v.pipe(v.string(), v.maxLength(2_000))),
  /** Apart from the version: devices refuse a bundle whose counter is below the highest they have been told. */
  securityCounter: v.pipe(v.number(), v.integer(), v.minValue(0)),
  schema: v.object({ inputs: tensorList, outputs: tensorList }),
  classification: v.optional(ClassificationSchema),
  serving: v.optional(ServingSettingsSchema),
  /** What clients send and get instead of the schema's own inputs and outputs. */
  pipeline: v.optional(PipelineSchema),
  requirements: v.optional(RequirementsSchema),
  /** Names under which others may depend on it, beside its own. */
  provides: v.optional(v.pipe(v.array(NameSchema), v.maxLength(16))),
  /** What has to be in the same release, such as the models that the pipeline calls. */
  depends: v.optional(v.pipe(v.array(DependencySchema), v.maxLength(limits.modelsPerRelease))),
  variants: v.pipe(v.array(VariantSchema), v.maxLength(16)),
  /** The file of the agent's own software: an archive of what a slot holds. Such a bundle has no variants and an empty schema. */
  software: v.optional(BundlePathSchema),
  files: v.pipe(v.array(BundleFileSchema), v.minLength(1), v.maxLength(limits.filesPerBundle)),
  golden: v.optional(BundlePathSchema),
  reference: v.optional(BundlePathSchema),
  evaluation: v.optional(BundlePathSchema),
});
export type Manifest = v.InferOutput<typeof ManifestSchema>;
