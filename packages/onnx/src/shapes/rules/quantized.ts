import { elementTypes, intAttribute } from '../../model/index.ts';
import { broadcast, isGiven, like, type Rule, type Rules } from '../call.ts';
import { known } from '../known.ts';
import { joined } from './pieces.ts';

/** x, scale, zero point: of the type of the zero point or of `output_dtype`, else UINT8. */
const quantize: Rule = (call) => {
  const [input, , zeroPoint] = call.inputs;
  const stated = intAttribute(call.node, 'output_dtype') || elementTypes.UINT8;
  const elementType = isGiven(call, 2) ? zeroPoint?.elementType : stated;
  return [elementType === undefined ? undefined : known(elementType, input?.shape)];
};

/** Of the type of the scale. */
const dequantize: Rule = ({ node, inputs: [input, scale] }) => {
  const elementType = intAttribute(node, 'output_dtype') || scale?.elementType;
  return [elementType === undefined ? undefined : known(elementType, input?.shape)];
};

const dynamicQuantize: Rule = ({ inputs: [input] }) => [
  known(elementTypes.UINT8, input?.shape),
  known(elementTypes.FLOAT, []),
  known(elementTypes.UINT8, []),
];

/** Two operands, each with scale and zero point. */
const quantizedPair: Rule = (call) => {
  const [a, , , b] = call.inputs;
  return [a && known(a.elementType, broadcast(call, [a.shape, b?.shape]))];
};

/** The scale and zero point of the output, then each input with its own. */
const quantizedConcat: Rule = (call) => {
  const result = joined(
    call,
    call.inputs.filter((_, index) => index >= 2 && (index - 2) % 3 === 0),
  );
  return [result && known(result.elementType, result.shape)];
};

/** A condition, then two operands with scale and zero point. */
const quantizedWhere: Rule = (call) => {
  const [condition, a, , , b] = call.inputs;
  return [a && known(a.elementType, broadcast(call, [condition?.shape, a.shape, b?.shape]))];
};

export const quantizedRules: Rules = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
};

export const microsoftQuantizedRules: Rules = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  QLinearAdd: quantizedPair,
  QLinearMul: quantizedPair,
  QLinearSigmoid: like(),
  QLinearLeakyRelu: like(),
  QLinearSoftmax: like(),
  QLinearConcat: quantizedConcat,
  QLinearWhere: quantizedWhere,
};
