import { type Classification, CoveyError, type ModelSchema } from '@covey/protocol';

/** What users say of an output that classifies. */
export interface ClassOptions {
  classes?: string;
  classOutput?: string;
}

/** Errors: INVALID_ARGUMENT for an output that the model lacks, or one of another size than there are names. */
export function classificationOf(options: ClassOptions, schema: ModelSchema): Classification | undefined {
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
