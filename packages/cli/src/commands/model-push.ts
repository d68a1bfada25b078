import { basename, extname } from 'node:path';
import { buildBundle, type GoldenVector, type VariantSource } from '@covey/bundle';
import {
  type Classification,
  CoveyError,
  canonicalJson,
  checkDocument,
  type ModelSchema,
  NameSchema,
  type Tensor,
  VersionSchema,
} from '@covey/protocol';
import { VersionView } from '@covey/protocol/api';
import type { Command } from 'commander';
import { publisherKeyPath, readPublisherKey } from '../publish/keys.ts';
import { type ModelFile, readModelFile } from '../publish/model-file.ts';
import { publishBundle } from '../publish/publish.ts';
import { findPublished, requireSameContents } from '../publish/published.ts';
import { runSamples, sampleInputs } from '../publish/samples.ts';
import { readTensor } from '../tensors/read.ts';
import type { Output } from '../terminal/output.ts';
import { apiCommand, namedValue, session, wholeNumber } from './command.ts';

interface PushOptions {
  data: string;
  name?: string;
  version: string;
  description?: string;
  variant?: Record<string, string>;
  sample?: Record<string, string>;
  classes?: string;
  classOutput?: string;
  securityCounter: number;
  key?: string;
}

/** How far a variant's outputs may lie from the file's own: fp32 differs by rounding alone, a quantized one by its steps. */
const tolerances = { fp32: { absolute: 1e-4, relative: 1e-3 }, other: { absolute: 0.05, relative: 0.05 } };

export function pushCommand(): Command {
  return apiCommand('push', 'sign and publish an ONNX file as a version of a model')
    .argument('<file.onnx>', 'the model, in fp32 or whatever you serve')
    .requiredOption('--version <version>', 'semantic version, such as 1.0.0')
    .option('--name <model>', 'name of the model; default: the name of the file')
    .option('--description <text>', 'what is new')
    .option(
      '--variant <name=file>',
      'the same version in another form, such as int8-qdq=model.int8.onnx; may be repeated',
      namedValue,
    )
    .option(
      '--sample <input=value>',
      'input for the golden vectors: @file.npy, @file.json, @raw, or numbers; may be repeated',
      namedValue,
    )
    .option('--classes <names>', 'class names in order, separated by commas')
    .option('--class-output <name>', 'the output that holds a score per class; default: the first')
    .option(
      '--security-counter <count>',
      'devices refuse a counter below the highest they have committed',
      wholeNumber(0, 2 ** 31),
      0,
    )
    .option('--key <file>', "the publisher's private key; default: the one in the data folder")
    .action((file: string, options: PushOptions, command: Command) => push(file, options, command));
}

async function push(file: string, options: PushOptions, command: Command): Promise<void> {
  const { client, output } = session(command);
  const model = options.name ?? basename(file, extname(file)).toLowerCase();
  checkArgument(NameSchema, model, options.name === undefined ? 'give --name; the file name' : '--name');
  checkArgument(VersionSchema, options.version, '--version');
  const privateKey = readPublisherKey(options.key ?? publisherKeyPath(options.data));
  const main = readModelFile(file);
  const variants = variantsOf(main, options.variant ?? {});
  const samples = samplesOf(main.schema, options.sample ?? {});
  const classification = classificationOf(options, main.schema);
  const published = await findPublished(client, model, options.version);
  if (published) {
    requireSameContents(published, {
      description: options.description ?? null,
      securityCounter: options.securityCounter,
      classNames: classification?.classNames ?? null,
      variants: Object.fromEntries(variants.map(({ name, bytes }) => [name, bytes])),
      hasSamples: Object.keys(samples).length > 0,
    });
    tellPublished(output, published, published.hasGolden, 'was published before');
    return;
  }
  output.progress(`running ${basename(file)} for its golden vectors`);
  const golden = await goldenVectors(main, samples, output);
  const bundle = buildBundle(
    {
      model,
      version: options.version,
      createdAt: new Date().toISOString(),
      ...(options.description !== undefined && { description: options.description }),
      securityCounter: options.securityCounter,
      schema: main.schema,
      ...(classification && { classification }),
      variants,
      ...(golden && { golden }),
    },
    privateKey,
  );
  output.progress(`publishing ${model}@${options.version}, ${bundle.chunks.size} chunks`);
  const version = await publishBundle(client, bundle, output.progress);
  tellPublished(output, version, golden !== undefined, 'is published');
}

function tellPublished(output: Output, version: VersionView, hasGolden: boolean, how: string): void {
  output.result(
    { ...VersionView.parse(version), hasGolden },
    `${version.model}@${version.version} ${how} as number ${version.number} (${version.digest.slice(0, 12)})${hasGolden ? '' : ', without golden vectors'}`,
  );
}

/** A document's check, said of an argument. */
function checkArgument(
  schema: typeof NameSchema | typeof VersionSchema,
  value: string,
  argument: string,
): void {
  try {
    checkDocument(schema, value, `${argument} ("${value}")`);
  } catch (cause) {
    throw new CoveyError('INVALID_ARGUMENT', (cause as Error).message, { cause });
  }
}

/** The file itself as `fp32`, then the others. Errors: those of readModelFile; MODEL_INVALID for another schema. */
function variantsOf(main: ModelFile, others: Record<string, string>): VariantSource[] {
  const expected = canonicalJson(main.schema);
  return [
    { name: 'fp32', bytes: main.bytes, tolerance: tolerances.fp32 },
    ...Object.entries(others).map(([name, path]) => {
      const { bytes, schema } = readModelFile(path);
      const actual = canonicalJson(schema);
      if (actual !== expected)
        throw new CoveyError(
          'MODEL_INVALID',
          `variant ${name} has other inputs or outputs than the model: ${actual}, not ${expected}`,
        );
      return { name, bytes, tolerance: tolerances.other };
    }),
  ];
}

/** Errors: INVALID_ARGUMENT for an output that the model lacks, or one of another size than there are names. */
function classificationOf(options: PushOptions, schema: ModelSchema): Classification | undefined {
  if (options.classes === undefined) return undefined;
  const classNames = options.classes.split(',').map((name) => name.trim());
  const output =
    options.classOutput === undefined
      ? schema.outputs[0]
      : schema.outputs.find(({ name }) => name === options.classOutput);
  if (!output)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `the model has no output ${options.classOutput}; its outputs are ${schema.outputs.map(({ name }) => name).join(', ')}`,
    );
  const scores = output.shape.at(-1);
  if (scores !== -1 && scores !== classNames.length)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `--classes has ${classNames.length} names, output ${output.name} has the shape [${output.shape}]`,
    );
  return { output: output.name, classNames };
}

/** Errors: INVALID_ARGUMENT for an input that the model lacks, those of readTensor. */
function samplesOf(schema: ModelSchema, samples: Record<string, string>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(samples).map(([name, text]) => {
      const spec = schema.inputs.find((input) => input.name === name);
      if (!spec)
        throw new CoveyError(
          'INVALID_ARGUMENT',
          `the model has no input ${name}; its inputs are ${schema.inputs.map((input) => input.name).join(', ')}`,
        );
      return [name, readTensor(spec, text)];
    }),
  );
}

/**
 * Golden vectors from the user's samples, the rest random; undefined where the model refuses what is random altogether.
 * Errors: INFERENCE_FAILED when it refuses samples, those of runSamples and sampleInputs.
 */
async function goldenVectors(
  { path, schema }: ModelFile,
  samples: Record<string, Tensor>,
  output: Output,
): Promise<GoldenVector[] | undefined> {
  const missing = schema.inputs.filter(({ name }) => !Object.hasOwn(samples, name)).map(({ name }) => name);
  try {
    return await runSamples(path, schema, sampleInputs(schema, samples));
  } catch (cause) {
    if (!(cause instanceof CoveyError) || cause.code !== 'INFERENCE_FAILED') throw cause;
    const ofMissing = missing.length === 0 ? '' : `, with random values for ${missing.join(', ')}`;
    if (Object.keys(samples).length > 0)
      throw new CoveyError(
        'INFERENCE_FAILED',
        `the model refuses these samples${ofMissing}: ${cause.message}`,
        { cause },
      );
    output.progress(
      `no golden vectors: the model refuses random inputs (${cause.message}); give real ones with --sample`,
    );
    return undefined;
  }
}
