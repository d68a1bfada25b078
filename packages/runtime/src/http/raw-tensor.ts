import { CoveyError, elementBytes, elementCount, type Tensor, type TensorSpec } from '@covey/protocol';

/**
 * The tensor of a body that is nothing but its bytes: the size says how long the one dimension is that varies; of BYTES,
 * one element. Errors: INPUT_INVALID when more than one dimension varies.
 */
export function rawTensor(spec: TensorSpec, data: Uint8Array): Tensor {
  const { datatype, shape } = spec;
  if (shape.filter((size) => size === -1).length > 1) {
    const message = 'a raw request needs an input with at most one variable dimension';
    throw new CoveyError('INPUT_INVALID', message);
  }
  const fixed = elementCount(shape.filter((size) => size !== -1));
  const count = datatype === 'BYTES' ? 1 : data.byteLength / elementBytes[datatype];
  const varying = Math.floor(count / Math.max(1, fixed));
  return { datatype, shape: shape.map((size) => (size === -1 ? varying : size)), data };
}
