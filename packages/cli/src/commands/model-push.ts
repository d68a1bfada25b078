import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { buildBundle, type GoldenVector } from '@covey/bundle';
import { modelSchema, readModel } from '@covey/onnx';
import { type Classification, CoveyError, canonicalJson, type ModelSchema } from '@covey/protocol';
import type { Command } from 'commander';
import { publisherKeyPath, readPublisherKey } from '../publish/keys.ts';
import { publishBundle } from '../publish/publish.ts';
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
  const privateKey = readPublisherKey(options.key ?? publisherKeyPath(options.data));
  const bytes = readModelFile(file);
  const schema = modelSchema(readModel(bytes));
  const model = options.name ?? basename(file, extname(file)).toLowerCase();
  const classification = classificationOf(options, schema);
  const others = Object.entries(options.variant ?? {}).map(([name, path]) => ({
    name,
    bytes: readModelFile(path),
    tolerance: tolerances.other,
  }));
  for (const other of others) requireSameSchema(other.name, modelSchema(readModel(other.bytes)), schema);
  output.progress(`running ${basename(file)} for its golden vectors`);
  const golden = await goldenVectors(file, schema, options.sample ?? {}, output);
  const bundle = buildBundle(
    {
      model,
      version: options.version,
      createdAt: new Date().toISOString(),
      ...(options.description !== undefined && { description: options.description }),
      securityCounter: options.securityCounter,
      schema,
      ...(classification && { classification }),
      variants: [{ name: 'fp32', bytes, tolerance: tolerances.fp32 }, ...others],
      ...(golden && { golden }),
    },
    privateKey,
  );
  output.progress(`publishing ${model}@${options.version}, ${bundle.chunks.size} chunks`);
  const version = await publishBundle(client, bundle, output.progress);
  output.result(
    version,
    `${version.model}@${version.version} is published as number ${version.number} (${version.digest.slice(0, 12)})`,
  );
}

function readModelFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

function classificationOf(options: PushOptions, schema: ModelSchema): Classification | undefined {
  if (options.classes === undefined) return undefined;
  const output = options.classOutput ?? schema.outputs[0]?.name ?? '';
  return { output, classNames: options.classes.split(',').map((name) => name.trim()) };
}

function requireSameSchema(variant: string, actual: ModelSchema, expected: ModelSchema): void {
  if (canonicalJson(actual) !== canonicalJson(expected)) {
    throw new CoveyError(
      'MODEL_INVALID',
      `variant ${variant} has other inputs or outputs than the model: ${canonicalJson(actual)}`,
    );
  }
}

/** Golden vectors from the user's samples, or from random inputs where the model takes those. */
async function goldenVectors(
  path: string,
  schema: ModelSchema,
  samples: Record<string, string>,
  output: Output,
): Promise<GoldenVector[] | undefined> {
  const specs = new Map(schema.inputs.map((spec) => [spec.name, spec]));
  const given = Object.entries(samples).map(([name, text]) => {
    const spec = specs.get(name);
    if (!spec)
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `the model has no input ${name}; its inputs are ${[...specs.keys()].join(', ')}`,
      );
    return [name, readTensor(spec, text)] as const;
  });
  try {
    return await runSamples(path, schema, sampleInputs(schema, Object.fromEntries(given)));
  } catch (error) {
    if (
      !(error instanceof CoveyError) ||
      error.code !== 'INFERENCE_FAILED' ||
      given.length === schema.inputs.length
    )
      throw error;
    output.progress(
      `no golden vectors: the model refuses random inputs (${error.message}); give real ones with --sample`,
    );
    return undefined;
  }
}
