import type { Graph, Node, ValueInfo, ValueType } from '../model/index.ts';
import { isElementType, type Operator, tensorTypeText, typeText } from '../operators/index.ts';
import { pathsOfSubgraphs } from './attributes.ts';
import { checkConstant, checkSparseConstant } from './constants.ts';
import { clip, nodeText } from './finding.ts';
import { checkNode } from './nodes.ts';
import { cycleText, topologicalOrder } from './order.ts';
import { Scope } from './scope.ts';
import type { Surroundings } from './surroundings.ts';
import { checkTypes } from './types.ts';

/** Checks one graph with its subgraphs, which see the values that `outer` has so far. */
export function checkGraph(graph: Graph, path: string, surroundings: Surroundings, outer?: Scope): void {
  const scope = new Scope(path, graph.nodes, outer);
  checkInputs(graph, scope, surroundings);
  checkInitializers(graph, scope, surroundings);
  declareTypes([...graph.valueInfo, ...graph.outputs], scope, surroundings);
  checkNodes(graph.nodes, scope, surroundings);
  checkOutputs(graph, scope, surroundings);
}

/** Checks the nodes of a graph or function in their order, which must be one they can compute in. */
export function checkNodes(nodes: readonly Node[], scope: Scope, surroundings: Surroundings): void {
  const { findings } = surroundings;
  let inOrder = true;
  for (const node of nodes) {
    if (findings.isFull) return;
    if (!checkTaken(node, scope, surroundings)) inOrder = false;
    const operator = checkNode(node, scope.path, surroundings);
    for (const { graph, path } of pathsOfSubgraphs(node, scope.path))
      checkGraph(graph, path, surroundings, scope);
    defineOutputs(node, operator, scope, surroundings);
  }
  if (!inOrder) reportOrder(nodes, scope, surroundings);
  reportSharedNames(nodes, scope, surroundings);
}

/** Names of nodes tell them apart in messages and in the choice of what to quantize; runtimes need none. */
function reportSharedNames(nodes: readonly Node[], scope: Scope, { findings }: Surroundings): void {
  const seen = new Set<string>();
  const shared = nodes.filter(({ name }) => name !== '' && seen.size === seen.add(name).size);
  const [first] = shared;
  if (first === undefined) return;
  const message = `${shared.length} nodes have the names of others ("${clip(first.name)}"${shared.length > 1 ? ' and more' : ''})`;
  findings.warning('name-duplicate', message, { graph: scope.path, node: first.name });
}

/** Reports inputs that nothing defines; answers false for inputs that are defined only later. */
function checkTaken(node: Node, scope: Scope, { findings }: Surroundings): boolean {
  let inOrder = true;
  for (const input of node.inputs) {
    if (input === '' || scope.has(input)) continue;
    if (scope.producer(input) !== undefined) {
      inOrder = false;
      continue;
    }
    const message = `${nodeText(node)} takes "${clip(input)}", which nothing defines`;
    findings.error('value-undefined', message, { graph: scope.path, node: node.name, value: input });
  }
  return inOrder;
}

function defineOutputs(
  node: Node,
  operator: Operator | undefined,
  scope: Scope,
  surroundings: Surroundings,
): void {
  const { findings } = surroundings;
  const types = operator ? checkTypes(node, operator, scope, surroundings) : [];
  for (const [index, output] of node.outputs.entries()) {
    if (output === '') continue;
    const where = { graph: scope.path, node: node.name, value: output };
    if (scope.hasOwn(output))
      findings.error('name-duplicate', `"${clip(output)}" is defined again by ${nodeText(node)}`, where);
    else if (scope.isOuter(output)) {
      const message = `${nodeText(node)} defines "${clip(output)}", which a graph around it defines as well`;
      findings.error('name-shadowed', message, where);
    }
    const declared = scope.declaredTypes.get(output);
    const type = types[index];
    if (declared !== undefined && type !== undefined && declared !== type) {
      const message = `${nodeText(node)} computes "${clip(output)}" as ${type}, the graph declares it as ${declared}`;
      findings.error('type-disagrees', message, where);
    }
    scope.define(output, type ?? declared);
  }
}

/** Says which nodes come too early, or which can come in no order. */
function reportOrder(nodes: readonly Node[], scope: Scope, { findings }: Surroundings): void {
  const order = topologicalOrder(nodes);
  if ('cycle' in order) {
    const node = order.cycle[0]?.name ?? '';
    findings.error('cycle', cycleText(order.cycle), { graph: scope.path, node });
    return;
  }
  const positions = new Map(nodes.map((node, index) => [node, index]));
  for (const [index, node] of nodes.entries())
    for (const input of node.inputs) {
      const producer = scope.producer(input);
      if (producer === undefined) continue;
      // A value of a graph around this one is defined by now, unless it comes after the node that holds this graph.
      const position = positions.get(producer);
      if (position === undefined ? scope.has(input) : position <= index) continue;
      const message = `${nodeText(node)} comes too early: it takes "${clip(input)}" of ${nodeText(producer)}, which comes later`;
      findings.error('order', message, { graph: scope.path, node: node.name, value: input });
    }
}

function checkInputs({ inputs }: Graph, scope: Scope, { findings }: Surroundings): void {
  const isMain = scope.path === 'main';
  for (const { name, type } of inputs) {
    const where = { graph: scope.path, value: name };
    if (name === '') findings.error('name-missing', 'an input of the graph has no name', where);
    else if (scope.hasOwn(name))
      findings.error('name-duplicate', `two inputs of the graph are named "${clip(name)}"`, where);
    else if (scope.isOuter(name)) {
      const message = `the input "${clip(name)}" hides a value of that name in a graph around it`;
      findings.warning('name-shadowed', message, where);
    }
    if (isMain && !isTyped(type))
      findings.error(
        'type-missing',
        `the file does not say of what type the input "${clip(name)}" is`,
        where,
      );
    scope.define(name, typeText(type));
  }
}

/** Whether the element type is said; a type in a form without a name here counts as said. */
function isTyped(type: ValueType | undefined): boolean {
  if (type === undefined) return false;
  if (type.kind === 'unknown') return type.unknown !== undefined;
  return (type.kind !== 'tensor' && type.kind !== 'sparseTensor') || type.elementType !== 0;
}

function checkInitializers(graph: Graph, scope: Scope, { findings }: Surroundings): void {
  const both: string[] = [];
  for (const [name, constant] of graph.initializers) {
    checkConstant(constant, name, scope.path, findings);
    if (scope.hasOwn(name)) both.push(name);
    scope.define(
      name,
      isElementType(constant.elementType) ? tensorTypeText(constant.elementType) : undefined,
    );
  }
  for (const sparse of graph.sparseInitializers) {
    checkSparseConstant(sparse, scope.path, findings);
    const { name } = sparse.values;
    if (scope.hasOwn(name))
      findings.error('name-duplicate', `the sparse initializer "${clip(name)}" is defined already`, {
        graph: scope.path,
        value: name,
      });
    scope.define(name, undefined);
  }
  const [first] = both;
  if (first === undefined) return;
  const message = `${both.length} initializers are inputs too ("${clip(first)}"${both.length > 1 ? ' and others' : ''}): callers may replace them, so nothing is folded into them`;
  findings.warning('initializer-input', message, { graph: scope.path, value: first });
}

function declareTypes(infos: readonly ValueInfo[], scope: Scope, { findings }: Surroundings): void {
  for (const { name, type } of infos) {
    const text = typeText(type);
    if (text === undefined) continue;
    const before = scope.declaredTypes.get(name);
    if (before !== undefined && before !== text) {
      const message = `the graph declares "${clip(name)}" as ${before} and as ${text}`;
      findings.error('type-disagrees', message, { graph: scope.path, value: name });
    }
    scope.declaredTypes.set(name, text);
  }
}

function checkOutputs({ outputs }: Graph, scope: Scope, { findings }: Surroundings): void {
  const seen = new Set<string>();
  for (const { name, type } of outputs) {
    const where = { graph: scope.path, value: name };
    if (scope.path === 'main' && !isTyped(type)) {
      const message = `the file does not say of what type the output "${clip(name)}" is: some tools refuse it`;
      findings.warning('type-missing', message, where);
    }
    if (name === '') findings.error('name-missing', 'an output of the graph has no name', where);
    else if (!scope.has(name))
      findings.error('value-undefined', `nothing defines the output "${clip(name)}" of the graph`, where);
    if (seen.has(name))
      findings.warning('name-duplicate', `the graph lists its output "${clip(name)}" twice`, where);
    seen.add(name);
  }
}
