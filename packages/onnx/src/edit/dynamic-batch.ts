import { CoveyError } from '@covey/protocol';
import { Names } from '../graph/index.ts';
import { createConstant, createValueInfo, elementTypes, type Model, type ValueInfo } from '../model/index.ts';
import { inferShapes } from '../shapes/index.ts';
import { followBatch, type Obstacle } from './batch/follow.ts';
import type { Pass } from './pass.ts';

/** What the dimension is called in inputs and outputs. */
const symbol = 'batch';
const maxReasons = 5;

/**
 * Lets the leading dimension of the inputs, a fixed number so far, vary, where a batch provably gives what its samples give
 * one by one; target shapes of Reshape that state the batch are rewritten. It understands most after the standard passes.
 * A model whose inputs leave the dimension open is left alone. Errors of the pass: MODEL_UNSUPPORTED naming the nodes that
 * fix the batch, and how.
 */
export const dynamicBatch: Pass = {
  name: 'dynamic-batch',
  summary: 'lets the batch size vary',
  apply(model) {
    const inputs = callerInputs(model).filter(
      ({ type }) => type?.kind === 'tensor' && type.shape?.length !== 0,
    );
    const leading = new Set(inputs.map(leadingSize));
    const [batchSize] = leading;
    if (typeof batchSize !== 'number') return 0;
    if (leading.size > 1) throw unsupported('its inputs do not begin with the same dimension');
    const names = inputs.map(({ name }) => name);
    const { axes, obstacles, rewrites } = followBatch(model, names, batchSize, withSymbol(model, names));
    if (obstacles.length > 0) throw unsupported(describe(obstacles));
    const before = inferShapes(model);
    const fresh = new Names(model);
    for (const { node, index, numbers } of rewrites) {
      const name = fresh.fresh(`${node.inputs[index]}_${symbol}`);
      const elements = BigInt64Array.from(numbers, BigInt);
      model.graph.initializers.set(
        name,
        createConstant(name, elementTypes.INT64, [numbers.length], elements),
      );
      node.inputs[index] = name;
    }
    for (const info of [...inputs, ...model.graph.outputs]) {
      const axis = axes.get(info.name);
      const size = axis === undefined ? undefined : before.get(info.name)?.shape?.[axis];
      if (axis !== undefined) openAxis(info, axis, size === batchSize ? symbol : null);
    }
    model.graph.valueInfo = [];
    return rewrites.length + inputs.length;
  },
};

function callerInputs({ graph }: Model): ValueInfo[] {
  return graph.inputs.filter(({ name }) => !graph.initializers.has(name));
}

function leadingSize({ type }: ValueInfo) {
  return type?.kind === 'tensor' ? type.shape?.[0] : undefined;
}

function openAxis(info: ValueInfo, axis: number, dimension: string | null): void {
  if (info.type?.kind !== 'tensor' || info.type.shape === undefined) return;
  info.type = { ...info.type, shape: info.type.shape.with(axis, dimension) };
}

/** The model with a symbol for the batch and nothing said of values behind the inputs. */
function withSymbol(model: Model, names: readonly string[]): Model {
  const { graph } = model;
  const inputs = graph.inputs.map((info) => {
    const copy = { ...info };
    if (names.includes(info.name)) openAxis(copy, 0, symbol);
    return copy;
  });
  const outputs = graph.outputs.map(({ name }) => createValueInfo(name));
  return { ...model, graph: { ...graph, inputs, outputs, valueInfo: [] } };
}

function describe(obstacles: readonly Obstacle[]): string {
  const reasons = obstacles
    .slice(0, maxReasons)
    .map(({ node, reason }) => `node "${node.name}" (${node.opType}): ${reason}`);
  const others = obstacles.length - reasons.length;
  return reasons.join('; ') + (others > 0 ? `; and ${others} more` : '');
}

function unsupported(reasons: string): CoveyError {
  return new CoveyError('MODEL_UNSUPPORTED', `the batch size of the model cannot vary: ${reasons}`);
}
