import { CoveyError, elementBytes, type ModelSchema, type TensorSpec } from '@covey/protocol';
import { carried } from './carry.ts';
import { findSampleFiles } from './files.ts';
import { labelsOf } from './labels.ts';
import type { SampleOptions } from './options.ts';
import { createSampleSet, type Sample, type SampleSet, thinned } from './sample-set.ts';
import type { Source } from './source.ts';
import { arrayContents, audioContents, type Contents, imageContents, zeros } from './sources.ts';

/**
 * What a user gives as samples of a model's inputs: arrays (`.npy`, `.npz`, `.json`, raw elements), pictures or recordings.
 * Numbers and sound are read at once, pictures when they are asked for. Errors: NOT_FOUND, INVALID_ARGUMENT,
 * INVALID_DOCUMENT, UNSUPPORTED, PAYLOAD_TOO_LARGE, each naming the file or the input.
 */
export async function openSamples(schema: ModelSchema, options: SampleOptions): Promise<SampleSet> {
  const { constants = {}, carry, count } = options;
  const carriedInputs = carriedBy(schema, carry?.outputs ?? {});
  const sampled = schema.inputs.filter(
    (spec) => !Object.hasOwn(constants, spec.name) && !carriedInputs.includes(spec),
  );
  const contents = contentsOf(options, sampled);
  if (contents.names.length === 0)
    throw new CoveyError('INVALID_ARGUMENT', `${options.path} holds no sample`);
  const source = sourceOf(contents, options);
  const first = Object.fromEntries(
    carriedInputs.map((spec) => [spec.name, constants[spec.name] ?? zerosOf(spec)]),
  );
  const set = createSampleSet(carry ? carried(source, carry, first) : source);
  return count === undefined ? set : thinned(set, count);
}

function contentsOf({ path, image, audio }: SampleOptions, specs: readonly TensorSpec[]): Contents {
  const { kind, files } = findSampleFiles(path);
  if (kind === 'image') return imageContents(files, specs, image ?? {});
  return kind === 'audio' ? audioContents(files, specs, audio ?? {}) : arrayContents(files, specs);
}

function sourceOf(
  { files, names, describe, read }: Contents,
  { constants, classNames, carry }: SampleOptions,
): Source {
  const starts = new Set(files.flatMap((file, index) => (file === files[index - 1] ? [] : [index])));
  const withConstants = async (index: number): Promise<Sample> => ({ ...constants, ...(await read(index)) });
  const outputs = carry?.outputs ?? {};
  const others = [
    ...Object.keys(constants ?? {})
      .filter((name) => !Object.hasOwn(outputs, name))
      .map((name) => `${name} is the same in all`),
    ...Object.entries(outputs).map(([input, output]) => `${input} is ${output} of the run before`),
  ];
  return {
    names,
    describe: [describe, ...others].join('; '),
    starts,
    read: withConstants,
    ...labelsOf(files, classNames),
  };
}

/** Errors: INVALID_ARGUMENT for names that the model does not have. */
function carriedBy(schema: ModelSchema, outputs: Record<string, string>): TensorSpec[] {
  return Object.entries(outputs).map(([input, output]) => {
    const spec = schema.inputs.find(({ name }) => name === input);
    const names = (specs: readonly TensorSpec[]) => specs.map(({ name }) => name).join(', ');
    if (!spec)
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `the model has no input ${input}; its inputs are ${names(schema.inputs)}`,
      );
    if (!schema.outputs.some(({ name }) => name === output))
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `the model has no output ${output}; its outputs are ${names(schema.outputs)}`,
      );
    return spec;
  });
}

function zerosOf(spec: TensorSpec) {
  if (spec.datatype === 'BYTES')
    throw new CoveyError('UNSUPPORTED', `input ${spec.name} holds texts, which are not carried`);
  return zeros(spec, elementBytes[spec.datatype]);
}
