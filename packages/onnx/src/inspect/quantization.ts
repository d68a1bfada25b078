import { Uses, walkGraphs } from '../graph/index.ts';
import {
  elementTypeName,
  elementTypes,
  type Graph,
  intAttribute,
  type Model,
  type Node,
} from '../model/index.ts';

/** A way in which a model is quantized, and how many nodes show it. */
export interface QuantizationFound {
  form: 'static QDQ' | 'static integer operators' | 'dynamic' | 'weight-only' | 'half-precision weights';
  nodes: number;
  /** Element types of the quantized weights, such as `INT8`; empty where there are none to see. */
  weightTypes: string[];
}

const dynamicOperators: ReadonlySet<string> = new Set([
  'DynamicQuantizeLinear',
  'DynamicQuantizeMatMul',
  'DynamicQuantizeLSTM',
  'MatMulIntegerToFloat',
]);
const weightOnlyOperators: ReadonlySet<string> = new Set([
  'MatMulNBits',
  'MatMulBnb4',
  'GatherBlockQuantized',
]);
const integerOperator = /^QLinear|^QGemm$|^QAttention$/;

type Form = QuantizationFound['form'];

/**
 * The forms of quantization in a model, most nodes first. Static QDQ is counted by its DequantizeLinear nodes when activations are
 * quantized too; where only weights are, that is weight-only.
 */
export function findQuantization(model: Model): QuantizationFound[] {
  const found = new Map<Form, { nodes: number; weightTypes: Set<string> }>();
  const graphs = [...walkGraphs(model.graph)];
  const quantizesActivations = graphs.some((graph) =>
    graph.nodes.some(({ opType }) => opType === 'QuantizeLinear'),
  );
  for (const graph of graphs) {
    const uses = new Uses(graph);
    for (const node of graph.nodes) {
      const form = formOf(node, graph, uses, quantizesActivations);
      if (form === undefined) continue;
      const sum = found.get(form) ?? { nodes: 0, weightTypes: new Set() };
      sum.nodes++;
      for (const type of weightTypes(node, graph)) sum.weightTypes.add(type);
      found.set(form, sum);
    }
  }
  return [...found]
    .map(([form, { nodes, weightTypes }]) => ({ form, nodes, weightTypes: [...weightTypes].sort() }))
    .sort((a, b) => b.nodes - a.nodes);
}

function formOf(node: Node, graph: Graph, uses: Uses, quantizesActivations: boolean): Form | undefined {
  const { opType } = node;
  if (opType === 'DequantizeLinear') return quantizesActivations ? 'static QDQ' : dequantizes(node, graph);
  if (integerOperator.test(opType)) return 'static integer operators';
  if (dynamicOperators.has(opType)) return 'dynamic';
  if (weightOnlyOperators.has(opType)) return 'weight-only';
  if (opType !== 'Cast') return undefined;
  const stored = graph.initializers.get(node.inputs[0] ?? '');
  const isUsed = uses.consumers(node.outputs[0] ?? '').length > 0;
  return stored?.elementType === elementTypes.FLOAT16 && isUsed ? 'half-precision weights' : undefined;
}

const dequantizes = (node: Node, graph: Graph): Form | undefined =>
  graph.initializers.has(node.inputs[0] ?? '') ? 'weight-only' : undefined;

const quantizedTypes: ReadonlySet<number> = new Set([
  elementTypes.INT4,
  elementTypes.UINT4,
  elementTypes.INT8,
  elementTypes.UINT8,
  elementTypes.INT16,
  elementTypes.UINT16,
  elementTypes.FLOAT16,
]);

/** The type of the integers a node takes from the model; scales and zero points have fewer dimensions. */
function weightTypes(node: Node, graph: Graph): string[] {
  const { inputs, opType } = node;
  // These pack their weights, several into a byte.
  if (weightOnlyOperators.has(opType)) return [`${intAttribute(node, 'bits') ?? 4} bits`];
  return inputs.flatMap((name) => {
    const weight = graph.initializers.get(name);
    const isWeight = weight !== undefined && quantizedTypes.has(weight.elementType) && weight.dims.length > 1;
    return isWeight ? [elementTypeName(weight.elementType)] : [];
  });
}
