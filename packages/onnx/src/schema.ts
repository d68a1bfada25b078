import { CoveyError, limits, type ModelSchema, type TensorSpec } from '@covey/protocol';
import { datatypeOf } from './elements.ts';
import type { TensorShapeProto_Dimension, ValueInfoProto } from './generated/onnx_pb.ts';
import type { Model } from './model.ts';

type Role = 'input' | 'output';

/**
 * Names, datatypes and shapes of what a caller gives and gets. Inputs that have an initializer are weights with a
 * default (older exporters list them all) and are left out. A symbolic or unknown dimension is -1.
 * Errors: MODEL_UNSUPPORTED naming the input or output that is not a tensor of known datatype and rank;
 * MODEL_INVALID (names missing or repeated, over the limits on tensors, rank or names).
 */
export function modelSchema(model: Model): ModelSchema {
  const { graph } = model;
  const weights = new Set(
    [...graph.initializer, ...graph.sparseInitializer.flatMap((sparse) => sparse.values ?? [])].map(
      (tensor) => tensor.name,
    ),
  );
  const inputs = graph.input.filter((input) => !weights.has(input.name));
  if (inputs.length === 0)
    throw new CoveyError('MODEL_UNSUPPORTED', 'the model takes no inputs, it is a constant');
  return { inputs: tensorSpecs(inputs, 'input'), outputs: tensorSpecs(graph.output, 'output') };
}

function tensorSpecs(values: readonly ValueInfoProto[], role: Role): TensorSpec[] {
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

function tensorSpec(value: ValueInfoProto, role: Role): TensorSpec {
  const { name } = value;
  if (name.length < 1 || name.length > maxNameChars)
    throw new CoveyError(
      'MODEL_INVALID',
      `an ${role} of the model has no name, or one over ${maxNameChars} characters`,
    );
  const type = value.type?.value;
  if (type?.case !== 'tensorType') {
    const form = type?.case?.replace('Type', '') ?? 'value of unknown type';
    throw new CoveyError('MODEL_UNSUPPORTED', `${role} "${name}" is a ${form}, not a tensor`);
  }
  const datatype = datatypeOf(type.value.elemType);
  if (datatype === undefined) {
    throw new CoveyError(
      'MODEL_UNSUPPORTED',
      `${role} "${name}" has the ONNX element type ${type.value.elemType}, which the inference protocol lacks`,
    );
  }
  const { shape } = type.value;
  if (!shape)
    throw new CoveyError('MODEL_UNSUPPORTED', `${role} "${name}" does not say how many dimensions it has`);
  if (shape.dim.length > limits.tensorRank) {
    throw new CoveyError(
      'MODEL_INVALID',
      `${role} "${name}" has ${shape.dim.length} dimensions, the limit is ${limits.tensorRank}`,
    );
  }
  return { name, datatype, shape: shape.dim.map((dimension) => dimensionSize(dimension, name)) };
}

/** As the schema of the protocol bounds it. */
const maxNameChars = 256;

function dimensionSize(dimension: TensorShapeProto_Dimension, name: string): number {
  if (dimension.value.case !== 'dimValue' || dimension.value.value < 0n) return -1;
  const size = Number(dimension.value.value);
  if (size > limits.tensorElements)
    throw new CoveyError(
      'MODEL_INVALID',
      `"${name}" has a dimension of ${size}, the limit is ${limits.tensorElements}`,
    );
  return size;
}
