import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  CoveyError,
  canonicalJson,
  checkDocument,
  type EvaluationReport,
  EvaluationReportSchema,
  encodeGolden,
  toCoveyError,
  type VariantFolder,
  VariantFolderSchema,
} from '@covey/protocol';
import { indexName, readIndex } from '../publish/variant-folder.ts';
import type { Quantized } from './quantize.ts';
import { type WorkFolder, write } from './work-folder.ts';

/**
 * Writes what `covey model push` publishes: the variants that are kept, golden vectors, reference summary and report. The
 * list of them comes last, so that its presence says that the folder is complete.
 * Variants of an earlier run that are kept no longer are removed. Errors: DISK_FULL, INVALID_ARGUMENT.
 */
export function writeOutput(
  folder: string,
  work: WorkFolder,
  { judged, proof, schema, wanted }: Quantized,
  report: EvaluationReport,
): VariantFolder {
  const kept = judged.filter(({ reason }) => reason === undefined);
  const index: VariantFolder = {
    format: 'covey-variants/1',
    schema,
    ...(wanted.classification && { classification: wanted.classification }),
    variants: kept.map(({ candidate, tolerances }) => ({
      name: candidate.name,
      file: `${candidate.name}.onnx`,
      sha256: candidate.digest,
      tolerances,
    })),
    golden: 'golden.bin',
    reference: 'reference.pb',
    evaluation: 'evaluation.json',
  };
  // What would be refused when it is published is refused here.
  checkDocument(VariantFolderSchema, index, indexName);
  checkDocument(EvaluationReportSchema, report, 'evaluation report');
  clear(folder);
  for (const { candidate } of kept)
    write(join(folder, `${candidate.name}.onnx`), work.bytes(candidate.digest));
  write(join(folder, index.golden), encodeGolden(proof.golden));
  write(join(folder, index.reference), proof.reference);
  write(join(folder, index.evaluation), json(report));
  write(join(folder, indexName), json(index));
  return index;
}

/** Where the steps are kept, inside the output folder. */
export const workName = '.work';

/** Errors: INVALID_ARGUMENT where the folder holds something, and not what a run before this left. */
export function requireOwnFolder(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw toCoveyError(cause, 'INVALID_ARGUMENT');
  }
  if (names.length > 0 && !names.includes(workName) && !names.includes(indexName))
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${folder} holds other files: name a new folder with --out, or an earlier one of this command`,
    );
}

/** Removes what a run before this made; what it no longer makes must not be published. */
function clear(folder: string): void {
  try {
    if (!existsSync(join(folder, indexName))) return;
    const files = readIndex(folder).variants.map(({ file }) => file);
    for (const file of [indexName, ...files]) rmSync(join(folder, file), { force: true });
  } catch (cause) {
    throw toCoveyError(cause, 'INVALID_ARGUMENT');
  }
}

/** Canonical, yet for people too: they read reports. */
function json(document: unknown): Uint8Array {
  const sorted = JSON.parse(canonicalJson(document)) as unknown;
  return new TextEncoder().encode(`${JSON.stringify(sorted, null, 2)}\n`);
}
