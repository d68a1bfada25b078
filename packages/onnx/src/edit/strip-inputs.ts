import { walkGraphs } from '../graph/index.ts';
import type { Model } from '../model/index.ts';
import type { Pass } from './pass.ts';

/** Takes constants off the list of inputs, where they are mere defaults: runtimes fold nothing that a caller may replace. */
export const stripInputs: Pass = {
  name: 'strip-inputs',
  summary: 'makes constants of inputs that have a default',
  apply(model) {
    return stripFrom(model);
  },
};

function stripFrom(model: Model): number {
  let changes = 0;
  for (const graph of walkGraphs(model.graph)) {
    const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
    changes += graph.inputs.length - inputs.length;
    graph.inputs = inputs;
  }
  return changes;
}

/**
 * Makes the model one of at least this IR version. Before version 4 every constant had to be listed as an input, and
 * runtimes took it for a constant all the same; since then a listed one is a default, so they are taken off the list.
 */
export function raiseIrVersion(model: Model, version: number): void {
  if (model.irVersion < 4 && version >= 4) stripFrom(model);
  model.irVersion = Math.max(model.irVersion, version);
}
