import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { encodeReference, parseEvaluation, parseReference, type VariantSource } from '@covey/bundle';
import { CoveyError, parseGolden } from '@covey/protocol';
import { readPlainFile } from '../folder/plain-file.ts';
import { readModelFile } from './model-file.ts';
import { indexName, readIndex } from './variant-folder.ts';
import type { VersionSource } from './version-source.ts';

/**
 * What `covey model quantize` wrote. Errors: NOT_FOUND, INVALID_DOCUMENT; DATA_CORRUPT for a variant that is another than
 * was measured; those of readModelFile.
 */
export function openFolder(folder: string): Omit<VersionSource, 'defaultName'> {
  if (!existsSync(join(folder, indexName)))
    throw new CoveyError(
      'NOT_FOUND',
      `${folder} holds no ${indexName}: \`covey model quantize\` did not make it, or did not finish`,
    );
  const index = readIndex(folder);
  const variants: VariantSource[] = index.variants.map(({ sha256, ...variant }) => {
    const { bytes } = readModelFile(join(folder, variant.file));
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw new CoveyError(
        'DATA_CORRUPT',
        `${join(folder, variant.file)} is not the file that was measured: quantize again`,
      );
    return { ...variant, bytes };
  });
  return {
    hasSamples: true,
    classNames: index.classification?.classNames ?? null,
    files: Object.fromEntries(variants.map(({ name, bytes }) => [name, bytes])),
    content: async (about) => ({
      schema: index.schema,
      ...(index.classification && { classification: index.classification }),
      variants,
      golden: parseGolden(readPlainFile(join(folder, index.golden))),
      reference: encodeReference({
        ...parseReference(readPlainFile(join(folder, index.reference))),
        ...about,
      }),
      evaluation: parseEvaluation(readPlainFile(join(folder, index.evaluation))),
    }),
  };
}
