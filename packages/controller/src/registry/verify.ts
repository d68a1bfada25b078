import { assembleFile, checkGolden, parseEvaluation, parseReference } from '@covey/bundle';
import { modelSchema, readModel } from '@covey/onnx';
import { type BundleFile, CoveyError, canonicalJson, type Manifest, parseGolden } from '@covey/protocol';
import type { Blobs } from '../storage/index.ts';

/**
 * Checks everything a signature cannot promise: all chunks are here and make the files named, every variant is a readable
 * ONNX model with the manifest's schema, golden vectors are of that schema, and reference and evaluation can be read. Holds one file in memory at a time.
 * Errors: BUNDLE_INCOMPLETE, BUNDLE_CORRUPT, MODEL_INVALID, MODEL_UNSUPPORTED, INVALID_DOCUMENT.
 */
export async function verifyContents(manifest: Manifest, blobs: Blobs): Promise<void> {
  const digests = [...new Set(manifest.files.flatMap((file) => file.chunks.map((chunk) => chunk.sha256)))];
  const missing = await missingChunks(blobs, digests);
  if (missing.length > 0)
    throw new CoveyError(
      'BUNDLE_INCOMPLETE',
      `${missing.length} of ${digests.length} chunks of ${manifest.model} ${manifest.version} have not been uploaded`,
    );
  const expected = canonicalJson({ inputs: manifest.schema.inputs, outputs: manifest.schema.outputs });
  for (const file of manifest.files) {
    const bytes = await readFile(file, blobs);
    for (const variant of manifest.variants.filter((candidate) => candidate.file === file.path)) {
      if (canonicalJson(modelSchema(readModel(bytes))) !== expected)
        throw new CoveyError(
          'MODEL_INVALID',
          `variant ${variant.name}: the inputs and outputs of ${file.path} are not those of the manifest's schema`,
        );
    }
    if (file.path === manifest.golden) checkGolden(parseGolden(bytes), manifest.schema);
    if (file.path === manifest.reference) parseReference(bytes);
    if (file.path === manifest.evaluation) parseEvaluation(bytes);
  }
}

/** Those of `digests` that are not here. */
export async function missingChunks(blobs: Blobs, digests: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const digest of digests) if (!(await blobs.has(digest))) missing.push(digest);
  return missing;
}

/** The verified bytes of a file. Errors: BUNDLE_INCOMPLETE, BUNDLE_CORRUPT. */
export async function readFile(file: BundleFile, blobs: Blobs): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of assembleFile(file, (sha256) => blobs.get(sha256))) parts.push(part);
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}
