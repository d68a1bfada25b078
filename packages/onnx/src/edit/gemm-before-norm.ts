import { Uses } from '../graph/index.ts';
import type { Node } from '../model/index.ts';
import { inferShapes, type TensorType } from '../shapes/index.ts';
import type { Pass } from './pass.ts';
import { isOnnx, type Scope, scopesOf } from './scope.ts';

/**
 * Makes a Gemm of a product of matrices, with what is added to its columns, that a batch normalization follows: a Gemm has
 * a bias, so that the normalization can be folded into it.
 */
export const gemmBeforeNorm: Pass = {
  name: 'gemm-before-norm',
  summary: 'makes a Gemm of MatMul and Add that a batch normalization follows',
  apply(model) {
    const types = inferShapes(model);
    return scopesOf(model).reduce((changes, scope) => changes + joinProducts(scope, types), 0);
  },
};

function joinProducts(scope: Scope, types: ReadonlyMap<string, TensorType>): number {
  const { graph } = scope;
  const uses = new Uses(graph);
  const isAlone = (value: string) => !uses.isOutput(value) && uses.consumers(value).length === 1;
  const dropped = new Set<Node>();
  let changes = 0;
  for (const norm of graph.nodes) {
    const [value = ''] = isOnnx(norm, 'BatchNormalization') ? norm.inputs : [];
    const last = uses.producer(value);
    if (last === undefined || !isAlone(value) || types.get(value)?.shape?.length !== 2) continue;
    const sum = isOnnx(last, 'Add') && last.attributes.size === 0 ? last : undefined;
    const product = sum
      ? sum.inputs.map((input) => uses.producer(input)).find((node) => node && isOnnx(node, 'MatMul'))
      : last;
    if (!product || !isMatrixProduct(product, scope, types)) continue;
    const [result = ''] = product.outputs;
    const bias = sum?.inputs.find((input) => input !== result);
    if (sum && (!isAlone(result) || !isRow(bias, scope))) continue;
    Object.assign(product, {
      opType: 'Gemm',
      inputs: [...product.inputs, ...(bias ? [bias] : [])],
      outputs: [value],
    });
    if (sum) dropped.add(sum);
    changes += 1;
  }
  graph.nodes = graph.nodes.filter((node) => !dropped.has(node));
  return changes;
}

function isMatrixProduct(node: Node, scope: Scope, types: ReadonlyMap<string, TensorType>): boolean {
  const isMatrix = types.get(node.inputs[0] ?? '')?.shape?.length === 2;
  return isOnnx(node, 'MatMul') && isMatrix && scope.constant(node.inputs[1])?.dims.length === 2;
}

function isRow(value: string | undefined, scope: Scope): boolean {
  const dims = scope.constant(value)?.dims;
  return dims !== undefined && dims.length <= 2 && dims.slice(0, -1).every((dim) => dim === 1);
}
