import * as v from 'valibot';
import { DigestSchema } from './ids.ts';
import { BundlePathSchema, ClassificationSchema, VariantSchema } from './manifest.ts';
import { ModelSchemaSchema } from './tensors/index.ts';

/** `variants.json`: what a folder holds that `covey model quantize` made and `covey model push` publishes. */
export const VariantFolderSchema = v.object({
  format: v.literal('covey-variants/1'),
  schema: ModelSchemaSchema,
  classification: v.optional(ClassificationSchema),
  variants: v.pipe(
    v.array(v.object({ ...VariantSchema.entries, sha256: DigestSchema })),
    v.minLength(1),
    v.maxLength(16),
  ),
  golden: BundlePathSchema,
  reference: BundlePathSchema,
  evaluation: BundlePathSchema,
});
export type VariantFolder = v.InferOutput<typeof VariantFolderSchema>;
