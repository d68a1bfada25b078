import { CoveyError, checkDocument, NameSchema, VersionSchema } from '@covey/protocol';
import { VersionView } from '@covey/protocol/api';
import type { Command } from 'commander';
import { buildVersion, creationTime } from '../publish/build.ts';
import { publisherKeyPath } from '../publish/keys.ts';
import { publishBundle } from '../publish/publish.ts';
import { findPublished, newestOfOtherSchema, requireSameContents } from '../publish/published.ts';
import { readServingFile } from '../publish/serving-file.ts';
import { keyHelp, openPublisher } from '../publish/signers.ts';
import { openSource, type SourceOptions } from '../publish/version-source.ts';
import type { Output } from '../terminal/output.ts';
import { apiCommand, namedValue, session, wholeNumber } from './command.ts';

interface PushOptions extends SourceOptions {
  data: string;
  name?: string;
  version: string;
  description?: string;
  securityCounter: number;
  serving?: string;
  key?: string;
}

export function pushCommand(): Command {
  return apiCommand('push', 'sign and publish an ONNX file, or a folder of variants, as a version of a model')
    .argument('<path>', 'the model as an ONNX file, or a folder that `covey model quantize` made')
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
    .option('--serving <file>', 'how it is served (batching, pipeline, ...) and what it needs: a JSON file')
    .option(
      '--security-counter <count>',
      'devices refuse a counter below the highest they have committed',
      wholeNumber(0, 2 ** 31),
      0,
    )
    .option('--key <key>', `signs the version: ${keyHelp}; default: the one in the data folder`)
    .action(push);
}

async function push(path: string, options: PushOptions, command: Command): Promise<void> {
  const { client, output } = session(command);
  checkArgument(VersionSchema, options.version, '--version');
  if (options.name !== undefined) checkArgument(NameSchema, options.name, '--name');
  const signer = await openPublisher(client, options.key ?? publisherKeyPath(options.data, 'targets'));
  const source = openSource(path, options);
  const served = options.serving === undefined ? {} : readServingFile(options.serving);
  const model = options.name ?? source.defaultName;
  checkArgument(NameSchema, model, 'give --name; the file name');
  const published = await findPublished(client, model, options.version);
  if (published) {
    requireSameContents(published, {
      description: options.description ?? null,
      securityCounter: options.securityCounter,
      classNames: source.classNames,
      variants: source.files,
      served,
      hasSamples: source.hasSamples,
    });
    tellPublished(output, published, published.hasGolden, 'was published before');
    return;
  }
  const content = await source.content({ model, version: options.version }, output.progress);
  const other = await newestOfOtherSchema(client, model, content.schema);
  if (other)
    output.progress(
      `the inputs or outputs are not those of ${model}@${other}: whoever calls ${model} has to change with this version`,
    );
  const bundle = buildVersion({
    model,
    version: options.version,
    createdAt: creationTime(process.env.SOURCE_DATE_EPOCH, Date.now()),
    ...(options.description !== undefined && { description: options.description }),
    securityCounter: options.securityCounter,
    ...content,
    ...served,
  });
  output.progress(`publishing ${model}@${options.version}, ${bundle.chunks.size} chunks`);
  const version = await publishBundle(client, bundle, [signer], output.progress);
  tellPublished(output, version, content.golden !== undefined, 'is published');
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
