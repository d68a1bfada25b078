import { type Classification, CoveyError, type ModelSchema } from '@covey/protocol';

/** What users say of an output that classifies. */
export interface ClassOptions {
  classes?: string;
  classOutput?: string;
}

/** Errors: INVALID_ARGUMENT for names that are not all different, an output that the model lacks, or one of another size. */
export function classificationOf(options: ClassOptions, schema: ModelSchema): Classification | undefined {
  if (options.classes === undefined) {
    if (options.classOutput === undefined) return undefined;
    throw new CoveyError(
      'INVALID_ARGUMENT',
      '--class-output needs --classes: the names of the classes, in order',
    );
  }
  const classNames = options.classes.split(',').map((name) => name.trim());
  const twice = classNames.find((name, i) => classNames.indexOf(name) < i);
  if (twice !== undefined)
    throw new CoveyError('INVALID_ARGUMENT', `--classes names "${twice}" more than once`);
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
