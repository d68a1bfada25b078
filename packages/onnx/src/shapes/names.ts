import type { Model } from '../model/index.ts';
import { type InferredGraph, inferGraphs } from './infer.ts';
import { common, type Known, type TensorType } from './known.ts';

/**
 * The types of the tensors of a model by name: inputs, constants and what nodes compute, in subgraphs too. Absent is
 * what no rule tells: values of unknown operators, sequences and maps. Symbols of the inputs' shapes stand for themselves, or
 * for the numbers that `sizes` gives them; a dimension that a model's input leaves open is called `input[0]`.
 * Errors: MODEL_INVALID naming a node whose inputs do not fit it.
 */
export function inferShapes(
  model: Model,
  sizes: Readonly<Record<string, number>> = {},
): Map<string, TensorType> {
  const graph = inferGraphs(model, new Map(Object.entries(sizes)));
  const inner = new Map<string, Known | undefined>();
  collect(graph, inner);
  const types = new Map<string, TensorType>();
  for (const [name, type] of [...inner, ...graph.types]) if (type) types.set(name, typeOf(type));
  return types;
}

const typeOf = ({ elementType, shape }: Known): TensorType => ({ elementType, shape });

/** Types inside subgraphs; of a name that two of them use, what holds in both. */
function collect(graph: InferredGraph, types: Map<string, Known | undefined>): void {
  for (const graphs of graph.inner.values())
    for (const { attribute, graph: inner } of graphs) {
      if (attribute === undefined) continue;
      for (const [name, type] of inner.types)
        types.set(name, types.has(name) ? common(types.get(name), type) : type);
      collect(inner, types);
    }
}
