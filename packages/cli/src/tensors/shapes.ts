import { CoveyError, elementCount, type Tensor, type TensorSpec } from '@covey/protocol';

/**
 * The spec's shape with its varying dimensions worked out from a number of elements. Where several vary, the leading one
 * is a batch of one. Errors: INVALID_ARGUMENT when the elements do not fill it, or more than one dimension is left open.
 */
export function shapeFor(spec: TensorSpec, elements: number): number[] {
  const varying = spec.shape.flatMap((dimension, index) => (dimension === -1 ? [index] : []));
  const [open, ...others] = varying.length > 1 && varying[0] === 0 ? varying.slice(1) : varying;
  if (others.length > 0)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name}: [${spec.shape}] leaves several dimensions open; give an .npy file or nested JSON, which carry their shape`,
    );
  const fixed = elementCount(spec.shape.filter((dimension) => dimension !== -1));
  const shape = spec.shape.map((dimension, index) =>
    dimension !== -1 ? dimension : index === open ? elements / fixed : 1,
  );
  if (elementCount(shape) !== elements || !shape.every(Number.isInteger)) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name}: ${elements} elements do not fill [${spec.shape}]`,
    );
  }
  return shape;
}

/**
 * A tensor that carries its shape, as the spec has it: dimensions of 1 may be left out, and a flat one is filled in.
 * Nothing else is reshaped: height, width, channels read as channels, height, width would be another picture.
 */
export function fitted(spec: TensorSpec, tensor: Tensor): Tensor {
  if (tensor.datatype !== spec.datatype) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name} is ${spec.datatype}, the file holds ${tensor.datatype}`,
    );
  }
  const fits =
    tensor.shape.length === spec.shape.length &&
    spec.shape.every((dimension, index) => dimension === -1 || dimension === tensor.shape[index]);
  if (fits) return tensor;
  const shape = shapeFor(spec, elementCount(tensor.shape));
  const large = (dimensions: number[]) => dimensions.filter((dimension) => dimension !== 1).join();
  if (tensor.shape.length !== 1 && large(shape) !== large(tensor.shape)) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name} has the shape [${spec.shape}], the file holds [${tensor.shape}]`,
    );
  }
  return { ...tensor, shape };
}
