import {
  CoveyError,
  elementBytes,
  elementCount,
  limits,
  type ModelSchema,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import type { Tensors } from './tensors.ts';
import { decodeElements } from './texts.ts';

/** Checks that `inputs` are all that the model takes and nothing else. Errors: INPUT_INVALID naming tensor, expected and got. */
export function checkInputs(schema: ModelSchema, inputs: Tensors): void {
  for (const name of Object.keys(inputs)) {
    if (!schema.inputs.some((spec) => spec.name === name)) {
      const known = schema.inputs.map((spec) => spec.name).join(', ');
      const message = `the model has no input ${name}; it has ${known}`.slice(0, 1_000);
      throw new CoveyError('INPUT_INVALID', message);
    }
  }
  for (const spec of schema.inputs) {
    const tensor = Object.hasOwn(inputs, spec.name) ? inputs[spec.name] : undefined;
    if (tensor === undefined) throw new CoveyError('INPUT_INVALID', `input ${spec.name} is missing`);
    checkInput(spec, tensor);
  }
}

/** Checks datatype, shape and number of bytes of one input; that BYTES are texts shows where a model reads them. Errors: INPUT_INVALID. */
export function checkInput(spec: TensorSpec, tensor: Tensor): void {
  checkForm(spec, tensor);
  const { datatype, shape, data } = tensor;
  if (datatype === 'BYTES') {
    decodeElements(data, elementCount(shape));
    return;
  }
  const expected = elementCount(shape) * elementBytes[datatype];
  if (data.byteLength !== expected) {
    throw new CoveyError(
      'INPUT_INVALID',
      `input ${spec.name}: ${datatype} [${shape}] takes ${expected} bytes, got ${data.byteLength}`,
    );
  }
}

/** Checks what is said of a tensor before memory is spent on its elements. Errors: INPUT_INVALID. */
export function checkForm(spec: TensorSpec, { datatype, shape }: Pick<Tensor, 'datatype' | 'shape'>): void {
  if (datatype !== spec.datatype) {
    throw new CoveyError('INPUT_INVALID', `input ${spec.name}: expected ${spec.datatype}, got ${datatype}`);
  }
  const fits =
    shape.length === spec.shape.length &&
    spec.shape.every((size, i) => size === -1 || size === shape[i]) &&
    elementCount(shape) <= limits.tensorElements;
  if (!fits) {
    throw new CoveyError(
      'INPUT_INVALID',
      `input ${spec.name}: expected shape [${spec.shape}], got [${shape}]`,
    );
  }
}
