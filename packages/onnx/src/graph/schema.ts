import { CoveyError, limits, type ModelSchema, type TensorSpec } from '@covey/protocol';
import { type Dimension, datatypeOf, elementTypeName, type Model, type ValueInfo } from '../model/index.ts';

type Role = 'input' | 'output';

/**
 * Names, datatypes and shapes of what a caller gives and gets. Inputs that have an initializer are weights with a
 * default (older exporters list them all) and are left out. A symbolic or unknown dimension is -1.
 * Errors: MODEL_UNSUPPORTED naming the input or output that is not a tensor of known datatype and rank;
 * MODEL_INVALID (names missing or repeated, over the limits on tensors, rank or names).
 */
export function modelSchema(model: Model): ModelSchema {
  const { graph } = model;
  const sparse = new Set(graph.sparseInitializers.map(({ values }) => values.name));
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name) && !sparse.has(name));
  if (inputs.length === 0)
    throw new CoveyError('MODEL_UNSUPPORTED', 'the model takes no inputs, it is a constant');
  return { inputs: tensorSpecs(inputs, 'input'), outputs: tensorSpecs(graph.outputs, 'output') };
}

function tensorSpecs(values: readonly ValueInfo[], role: Role): TensorSpec[] {
  if (values.length > limits.tensorsPerModel) {
    throw new CoveyError(
      'MODEL_INVALID',
      `the model has ${values.length} ${role}s, the limit is ${limits.tensorsPerModel}`,
    );
  }
  if (new Set(values.map((value) => value.name)).size < values.length)
    throw new CoveyError('MODEL_INVALID', `the model has two ${role}s of one name`);
  return values.map((value) => tensorSpec(value, role));
}

function tensorSpec(value: ValueInfo, role: Role): TensorSpec {
  const { name } = value;
  if (name.length < 1 || name.length > maxNameChars)
    throw new CoveyError(
      'MODEL_INVALID',
      `an ${role} of the model has no name, or one over ${maxNameChars} characters`,
    );
  const { type } = value;
  if (type?.kind !== 'tensor')
    throw new CoveyError(
      'MODEL_UNSUPPORTED',
      `${role} "${name}" is a ${type?.kind ?? 'value of unknown type'}, not a tensor`,
    );
  const datatype = datatypeOf(type.elementType);
  if (datatype === undefined) {
    throw new CoveyError(
      'MODEL_UNSUPPORTED',
      `${role} "${name}" is ${elementTypeName(type.elementType)}, which the inference protocol has no word for`,
    );
  }
  const { shape } = type;
  if (!shape)
    throw new CoveyError('MODEL_UNSUPPORTED', `${role} "${name}" does not say how many dimensions it has`);
  if (shape.length > limits.tensorRank) {
    throw new CoveyError(
      'MODEL_INVALID',
      `${role} "${name}" has ${shape.length} dimensions, the limit is ${limits.tensorRank}`,
    );
  }
  return { name, datatype, shape: shape.map((dimension) => dimensionSize(dimension, name)) };
}

/** As the schema of the protocol bounds it. */
const maxNameChars = 256;

function dimensionSize(dimension: Dimension, name: string): number {
  if (typeof dimension !== 'number') return -1;
  if (dimension > limits.tensorElements)
    throw new CoveyError(
      'MODEL_INVALID',
      `"${name}" has a dimension of ${dimension}, the limit is ${limits.tensorElements}`,
    );
  return dimension;
}
