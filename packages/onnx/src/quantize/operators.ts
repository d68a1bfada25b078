/**
 * Which operators ONNX Runtime's CPU provider computes on 8-bit integers when they stand between DequantizeLinear and
 * QuantizeLinear (its QDQ selectors, 1.30). Any other operator would only be given conversions, which cost time and accuracy.
 */
export type IntegerRole =
  /** Multiplies by a constant weight: this is what pays. */
  | 'weighted'
  /** Computes on integers with scales of its own for what it takes and gives. */
  | 'rescaling'
  /** Moves or picks values: integers pass unchanged, so what it takes and gives must have one scale. */
  | 'moving';

const roles = new Map<string, IntegerRole>([
  ['Conv', 'weighted'],
  ['Gemm', 'weighted'],
  ['MatMul', 'weighted'],
  ['Add', 'rescaling'],
  ['Mul', 'rescaling'],
  ['Concat', 'rescaling'],
  ['AveragePool', 'rescaling'],
  ['GlobalAveragePool', 'rescaling'],
  ['LeakyRelu', 'rescaling'],
  ['Sigmoid', 'rescaling'],
  ['MaxPool', 'moving'],
  ['Reshape', 'moving'],
  ['Transpose', 'moving'],
  ['Flatten', 'moving'],
  ['Squeeze', 'moving'],
  ['Unsqueeze', 'moving'],
  ['Slice', 'moving'],
  ['Split', 'moving'],
  ['Gather', 'moving'],
  ['Expand', 'moving'],
  ['Tile', 'moving'],
  ['Resize', 'moving'],
]);

/** What ONNX Runtime does with an operator of ONNX on integers; undefined: nothing. */
export function integerRoleOf(opType: string): IntegerRole | undefined {
  return roles.get(opType);
}
