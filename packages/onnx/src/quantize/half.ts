import { Names, Uses, walkGraphs } from '../graph/index.ts';
import {
  type Constant,
  cloneModel,
  createConstant,
  createNode,
  elementsOf,
  elementTypes,
  type Graph,
  type Model,
  type Node,
} from '../model/index.ts';
import { raiseOpset } from './opset.ts';

/** Tensors of fewer elements stay: a node and a name outweigh what halving them saves. */
const smallestTensor = 128;
/** What rounding may change at most, ||half - full||2 / ||full||2: a tensor full of tiny numbers is beyond it. */
const greatestError = 1e-3;

/** Operators whose fp32 constants are scales: ONNX Runtime knows what to fuse by them, and they must be exact. */
const scaled = new Set(['QuantizeLinear', 'DequantizeLinear', 'MatMulNBits', 'DynamicQuantizeLSTM']);

/**
 * The model with fp32 weights stored in half precision (fp16) and brought back by Cast: half the file, computing as
 * before, for ONNX Runtime casts constants once, when it loads. A tensor that is small, overflows or loses too much stays;
 * where all do, the model is as it was. Errors: MODEL_UNSUPPORTED (an opset that cannot be raised to one with such a Cast).
 */
export function storeHalf(model: Model): Model {
  const result = cloneModel(model);
  raiseOpset(result, 13);
  const names = new Names(result);
  let count = 0;
  for (const graph of walkGraphs(result.graph)) count += storeGraph(graph, names);
  return count === 0 ? cloneModel(model) : result;
}

function storeGraph(graph: Graph, names: Names): number {
  const replaceable = new Set(graph.inputs.map(({ name }) => name));
  const uses = new Uses(graph);
  const casts: Node[] = [];
  for (const [name, constant] of [...graph.initializers]) {
    const isScale = uses.consumers(name).some(({ opType }) => scaled.has(opType));
    const half = replaceable.has(name) || isScale ? undefined : halfOf(constant, names);
    if (!half) continue;
    graph.initializers.delete(name);
    graph.initializers.set(half.name, half);
    const cast = createNode('Cast', [half.name], [name], { to: elementTypes.FLOAT });
    casts.push({ ...cast, name: names.fresh(`${name}_cast`) });
  }
  graph.nodes.unshift(...casts);
  return casts.length;
}

/** Undefined for what should stay in fp32. */
function halfOf(constant: Constant, names: Names): Constant | undefined {
  if (constant.elementType !== elementTypes.FLOAT || constant.data.kind !== 'raw') return undefined;
  const full = elementsOf(constant) as Float32Array;
  if (full.length < smallestTensor) return undefined;
  const half = new Float16Array(full);
  let error = 0;
  let norm = 0;
  for (let i = 0; i < full.length; i++) {
    const value = full[i] ?? 0;
    error += ((half[i] ?? 0) - value) ** 2;
    norm += value ** 2;
  }
  // Also false where half precision made an infinity or the weight holds NaN.
  if (!(error <= greatestError ** 2 * norm)) return undefined;
  return createConstant(names.fresh(`${constant.name}_half`), elementTypes.FLOAT16, constant.dims, half);
}
