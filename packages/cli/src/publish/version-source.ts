import { statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import type { BundleSource, VariantSource } from '@covey/bundle';
import { CoveyError, canonicalJson, type ModelSchema } from '@covey/protocol';
import { type ClassOptions, classificationOf } from './classification.ts';
import { openFolder } from './folder-source.ts';
import { goldenVectors, samplesOf } from './golden-vectors.ts';
import { type ModelFile, readModelFile } from './model-file.ts';
import { decisionTolerances, floatTolerances } from './tolerances.ts';

/** How a user says what is in a version. */
export interface SourceOptions extends ClassOptions {
  variant?: Record<string, string>;
  sample?: Record<string, string>;
}

/** What is made of it, and what the caller gives: names, numbers, times. */
export type VersionContent = Pick<
  BundleSource,
  'schema' | 'classification' | 'variants' | 'golden' | 'reference' | 'evaluation'
>;

/** Files read and checked; `content` runs the model where golden vectors have to be made. */
export interface VersionSource {
  /** What the model is called unless the user names it. */
  defaultName: string;
  /** The user, or `covey model quantize`, gave inputs for golden vectors. */
  hasSamples: boolean;
  classNames: string[] | null;
  /** ONNX files by name of variant. */
  files: Record<string, Uint8Array>;
  content(about: { model: string; version: string }, say: (text: string) => void): Promise<VersionContent>;
}

/** From an ONNX file, or a folder that `covey model quantize` made. Errors: those of either, each naming the file. */
export function openSource(path: string, options: SourceOptions): VersionSource {
  if (!isFolder(path)) return openFile(path, options);
  const asked = (['variant', 'sample', 'classes', 'classOutput'] as const).find(
    (name) => options[name] !== undefined,
  );
  if (asked !== undefined)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `--${asked === 'classOutput' ? 'class-output' : asked} is for a file: what ${path} holds was decided when it was made`,
    );
  return { ...openFolder(path), defaultName: nameOf(path).replace(/-quantized$/, '') };
}

function openFile(path: string, options: SourceOptions): VersionSource {
  const main = readModelFile(path);
  const { schema } = main;
  const others = otherVariants(schema, options.variant ?? {});
  const samples = samplesOf(schema, options.sample ?? {});
  const classification = classificationOf(options, schema);
  const files = Object.fromEntries([['fp32', main.bytes], ...others.map(({ name, bytes }) => [name, bytes])]);
  return {
    defaultName: nameOf(path),
    hasSamples: Object.keys(samples).length > 0,
    classNames: classification?.classNames ?? null,
    files,
    content: async (_about, say) => {
      say(`running ${basename(path)} for its golden vectors`);
      const golden = await goldenVectors(main, samples, say);
      const tolerances = decisionTolerances(schema, classification, golden ?? []);
      const variants: VariantSource[] = [
        { name: 'fp32', bytes: main.bytes, tolerances: floatTolerances },
        ...others.map((other) => ({ ...other, tolerances })),
      ];
      return { schema, ...(classification && { classification }), variants, ...(golden && { golden }) };
    },
  };
}

/** Errors: those of readModelFile; MODEL_INVALID for another schema. */
function otherVariants(
  schema: ModelSchema,
  paths: Record<string, string>,
): { name: string; bytes: ModelFile['bytes'] }[] {
  const expected = canonicalJson(schema);
  return Object.entries(paths).map(([name, path]) => {
    const other = readModelFile(path);
    const actual = canonicalJson(other.schema);
    if (actual !== expected)
      throw new CoveyError(
        'MODEL_INVALID',
        `variant ${name} has other inputs or outputs than the model: ${actual}, not ${expected}`,
      );
    return { name, bytes: other.bytes };
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function nameOf(path: string): string {
  return basename(resolve(path), extname(path)).toLowerCase();
}
