import { type Constant, createNode, intAttribute, type Node, textAttribute } from '../model/index.ts';
import { integerTypes, type WeightType } from './affine.ts';
import { type Place, storedOnce } from './embedding.ts';
import { microsoft } from './opset.ts';
import { floatWeight, transposed, weightAffines, weightIntegers } from './weights.ts';

/** Inputs of LSTM, those left out included. */
const lstmInputs = 8;

/**
 * ONNX Runtime's DynamicQuantizeLSTM for an LSTM whose weights are constants: [directions, inputs, 4 * hidden], int8 with
 * a scale for each of the last (ContribOperators.md). Undefined for a node that must stay.
 */
export function quantizedLstm(node: Node, type: WeightType, place: Place): Node[] | undefined {
  const weights = floatWeight(place.scope, node, 1);
  const recurrent = floatWeight(place.scope, node, 2);
  const directions = textAttribute(node, 'direction') === 'bidirectional' ? 2 : 1;
  if (!weights || !recurrent || directions !== 1 || (intAttribute(node, 'layout') ?? 0) !== 0)
    return undefined;
  const [data = '', ...affines] = storedGates(weights, type, place);
  const [recurrentData = '', ...recurrentAffines] = storedGates(recurrent, type, place);
  const inputs = Array.from({ length: lstmInputs }, (_, i) => node.inputs[i] ?? '');
  inputs.splice(1, 2, data, recurrentData);
  inputs.push(...affines, ...recurrentAffines);
  const quantized = createNode('DynamicQuantizeLSTM', inputs, node.outputs, {}, microsoft);
  const attributes = new Map(node.attributes);
  attributes.delete('layout');
  return [{ ...quantized, name: node.name, attributes }];
}

/** The weights of one direction: integers, scales and zero points. */
function storedGates(weights: Constant, type: WeightType, place: Place): readonly string[] {
  place.replaced.add(weights.name);
  return storedOnce(place, weights, 'gates', () => {
    const swapped = transposed(weights);
    const scheme = { type: integerTypes[type], symmetric: true, axis: 2 };
    const affines = weightAffines(swapped, scheme);
    const integers = weightIntegers(swapped, affines, scheme);
    return place.writer.perDirection(swapped, integers, affines, scheme.type);
  });
}
