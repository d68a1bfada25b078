import { modelOf, waves } from '../edit/edit.fixture.ts';
import { type Constant, createNode, type Model } from '../model/index.ts';
import type { WeightOptions } from './weight-only.ts';

export const options: WeightOptions = {
  bits: 4,
  blockSize: 16,
  form: 'matmul-nbits',
  symmetric: true,
  keep: new Set(),
};

/** y = x * w for x [rows, k], or with `transB` for w [n, k]. */
export function product(weight: Constant, { transB = false, bias = false } = {}): Model {
  const [first = 0, second = 0] = weight.dims;
  const [k, n] = transB ? [second, first] : [first, second];
  const constants = bias ? [weight, waves('b', [n])] : [weight];
  const inputs = bias ? ['x', 'w', 'b'] : ['x', 'w'];
  const node =
    transB || bias
      ? createNode('Gemm', inputs, ['y'], transB ? { transB: 1 } : {})
      : createNode('MatMul', inputs, ['y']);
  return modelOf({ inputs: { x: ['rows', k] }, outputs: { y: ['rows', n] }, constants, nodes: [node] });
}

export function constantOf(model: Model, name: string | undefined): Constant {
  const found = model.graph.initializers.get(name ?? '');
  if (!found) throw new Error(`there is no constant ${name}`);
  return found;
}
