import { Names, walkGraphs } from '../graph/index.ts';
import { createNode, type Graph, type Model, type Node, numbersOf, subgraphs } from '../model/index.ts';
import type { Pass } from './pass.ts';
import { definedNames, renameDefined } from './rename.ts';
import { isOnnx, type Scope, scopesOf } from './scope.ts';

/** Puts the branch that an If always takes, because its condition is a constant, in the place of the If. */
export const inlineBranches: Pass = {
  name: 'inline-branches',
  summary: 'puts the branch in the place of an If whose condition is a constant',
  apply(model) {
    const names = new Names(model);
    let changes = 0;
    for (let made = 1; made > 0; changes += made) made = inlineOutermost(model, names);
    return changes;
  },
};

/** An If inside one that goes waits for the next turn: only then is it known which graph it is in. Answers how many went. */
function inlineOutermost(model: Model, names: Names): number {
  const moved = new Set<Graph>();
  let changes = 0;
  for (const scope of scopesOf(model)) {
    if (moved.has(scope.graph)) continue;
    scope.graph.nodes = scope.graph.nodes.flatMap((node) => {
      const branch = takenBranch(node, scope);
      if (branch === undefined) return [node];
      changes += 1;
      for (const { graph } of subgraphs(node)) for (const inner of walkGraphs(graph)) moved.add(inner);
      return inlined(node, branch, scope, names);
    });
  }
  return changes;
}

function takenBranch(node: Node, scope: Scope): Graph | undefined {
  const condition = isOnnx(node, 'If') ? scope.constant(node.inputs[0]) : undefined;
  if (condition?.data.kind !== 'raw') return undefined;
  const attribute = numbersOf(condition)[0] ? 'then_branch' : 'else_branch';
  const branch = subgraphs(node).find((candidate) => candidate.attribute === attribute)?.graph;
  return branch?.sparseInitializers.length === 0 ? branch : undefined;
}

/** Names of a branch may be those of its sibling, and of values elsewhere: out here all get new ones. */
function inlined(node: Node, branch: Graph, scope: Scope, names: Names): Node[] {
  const prefix = node.name || node.opType;
  const own = [...branch.initializers.keys(), ...definedNames(branch.nodes)];
  const renames = new Map(own.map((name) => [name, names.fresh(`${prefix}/${name}`)]));
  for (const constant of branch.initializers.values())
    scope.add({ ...constant, name: renames.get(constant.name) ?? constant.name });
  renameDefined(branch.nodes, renames);
  const passedOn = branch.outputs.map(({ name }, index) =>
    createNode('Identity', [renames.get(name) ?? name], [node.outputs[index] ?? '']),
  );
  return [...branch.nodes, ...passedOn.filter(({ outputs }) => outputs[0] !== '')];
}
