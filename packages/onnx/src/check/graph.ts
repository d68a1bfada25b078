import type { Graph, Node, ValueInfo, ValueType } from '../model/index.ts';
import { isElementType, type Operator, tensorTypeText, typeText } from '../operators/index.ts';
import { pathsOfSubgraphs } from './attributes.ts';
import { checkConstant, checkSparseConstant } from './constants.ts';
import { clip, nodeText } from './finding.ts';
import { checkNode } from './nodes.ts';
import { cycleText, topologicalOrder } from './order.ts';
import type { Surroundings } from './surroundings.ts';
import { checkTypes } from './types.ts';
import { VisibleValues } from './visible-values.ts';

/** Checks one graph with its subgraphs, which see the values that `outer` has so far. */
export function checkGraph(
  graph: Graph,
  path: string,
  surroundings: Surroundings,
  outer?: VisibleValues,
): void {
  const visible = new VisibleValues(path, graph.nodes, outer);
  checkInputs(graph, visible, surroundings);
  checkInitializers(graph, visible, surroundings);
  declareTypes([...graph.valueInfo, ...graph.outputs], visible, surroundings);
  checkNodes(graph.nodes, visible, surroundings);
  checkOutputs(graph, visible, surroundings);
}

/** Checks the nodes of a graph or function in their order, which must be one they can compute in. */
export function checkNodes(nodes: readonly Node[], visible: VisibleValues, surroundings: Surroundings): void {
  const { findings } = surroundings;
  let inOrder = true;
  for (const node of nodes) {
    if (findings.isFull) return;
    if (!checkTaken(node, visible, surroundings)) inOrder = false;
    const operator = checkNode(node, visible.path, surroundings);
    for (const { graph, path } of pathsOfSubgraphs(node, visible.path))
      checkGraph(graph, path, surroundings, visible);
    defineOutputs(node, operator, visible, surroundings);
  }
  if (!inOrder) reportOrder(nodes, visible, surroundings);
  reportSharedNames(nodes, visible, surroundings);
}

/** Names of nodes tell them apart in messages and in the choice of what to quantize; runtimes need none. */
function reportSharedNames(nodes: readonly Node[], visible: VisibleValues, { findings }: Surroundings): void {
  const seen = new Set<string>();
  const shared = nodes.filter(({ name }) => name !== '' && seen.size === seen.add(name).size);
  const [first] = shared;
  if (first === undefined) return;
  const message = `${shared.length} nodes have the names of others ("${clip(first.name)}"${shared.length > 1 ? ' and more' : ''})`;
  findings.warning('name-duplicate', message, { graph: visible.path, node: first.name });
}

/** Reports inputs that nothing defines; answers false for inputs that are defined only later. */
function checkTaken(node: Node, visible: VisibleValues, { findings }: Surroundings): boolean {
  let inOrder = true;
  for (const input of node.inputs) {
    if (input === '' || visible.has(input)) continue;
    if (visible.producer(input) !== undefined) {
      inOrder = false;
      continue;
    }
    const message = `${nodeText(node)} takes "${clip(input)}", which nothing defines`;
    findings.error('value-undefined', message, { graph: visible.path, node: node.name, value: input });
  }
  return inOrder;
}

function defineOutputs(
  node: Node,
  operator: Operator | undefined,
  visible: VisibleValues,
  surroundings: Surroundings,
): void {
  const { findings } = surroundings;
  const types = operator ? checkTypes(node, operator, visible, surroundings) : [];
  for (const [index, output] of node.outputs.entries()) {
    if (output === '') continue;
    const where = { graph: visible.path, node: node.name, value: output };
    if (visible.hasOwn(output))
      findings.error('name-duplicate', `"${clip(output)}" is defined again by ${nodeText(node)}`, where);
    else if (visible.isOuter(output)) {
      const message = `${nodeText(node)} defines "${clip(output)}", which a graph around it defines as well`;
      findings.error('name-shadowed', message, where);
    }
    const declared = visible.declaredTypes.get(output);
    const type = types[index];
    if (declared !== undefined && type !== undefined && declared !== type) {
      const message = `${nodeText(node)} computes "${clip(output)}" as ${type}, the graph declares it as ${declared}`;
      findings.error('type-disagrees', message, where);
    }
    visible.define(output, type ?? declared);
  }
}

/** Says which nodes come too early, or which can come in no order. */
function reportOrder(nodes: readonly Node[], visible: VisibleValues, { findings }: Surroundings): void {
  const order = topologicalOrder(nodes);
  if ('cycle' in order) {
    const node = order.cycle[0]?.name ?? '';
    findings.error('cycle', cycleText(order.cycle), { graph: visible.path, node });
    return;
  }
  const positions = new Map(nodes.map((node, index) => [node, index]));
  for (const [index, node] of nodes.entries())
    for (const input of node.inputs) {
      const producer = visible.producer(input);
      if (producer === undefined) continue;
      // A value of a graph around this one is defined by now, unless it comes after the node that holds this graph.
      const position = positions.get(producer);
      if (position === undefined ? visible.has(input) : position <= index) continue;
      const message = `${nodeText(node)} comes too early: it takes "${clip(input)}" of ${nodeText(producer)}, which comes later`;
      findings.error('order', message, { graph: visible.path, node: node.name, value: input });
    }
}

function checkInputs({ inputs }: Graph, visible: VisibleValues, { findings }: Surroundings): void {
  const isMain = visible.path === 'main';
  for (const { name, type } of inputs) {
    const where = { graph: visible.path, value: name };
    if (name === '') findings.error('name-missing', 'an input of the graph has no name', where);
    else if (visible.hasOwn(name))
      findings.error('name-duplicate', `two inputs of the graph are named "${clip(name)}"`, where);
    else if (visible.isOuter(name)) {
      const message = `the input "${clip(name)}" hides a value of that name in a graph around it`;
      findings.warning('name-shadowed', message, where);
    }
    if (isMain && !isTyped(type))
      findings.error(
        'type-missing',
        `the file does not say of what type the input "${clip(name)}" is`,
        where,
      );
    visible.define(name, typeText(type));
  }
}

/** Whether the element type is said; a type in a form without a name here counts as said. */
function isTyped(type: ValueType | undefined): boolean {
  if (type === undefined) return false;
  if (type.kind === 'unknown') return type.unknown !== undefined;
  return (type.kind !== 'tensor' && type.kind !== 'sparseTensor') || type.elementType !== 0;
}

function checkInitializers(graph: Graph, visible: VisibleValues, { findings }: Surroundings): void {
  const both: string[] = [];
  for (const [name, constant] of graph.initializers) {
    checkConstant(constant, name, visible.path, findings);
    if (visible.hasOwn(name)) both.push(name);
    visible.define(
      name,
      isElementType(constant.elementType) ? tensorTypeText(constant.elementType) : undefined,
    );
  }
  for (const sparse of graph.sparseInitializers) {
    checkSparseConstant(sparse, visible.path, findings);
    const { name } = sparse.values;
    if (visible.hasOwn(name))
      findings.error('name-duplicate', `the sparse initializer "${clip(name)}" is defined already`, {
        graph: visible.path,
        value: name,
      });
    visible.define(name, undefined);
  }
  const [first] = both;
  if (first === undefined) return;
  const message = `${both.length} initializers are inputs too ("${clip(first)}"${both.length > 1 ? ' and others' : ''}): callers may replace them, so nothing is folded into them`;
  findings.warning('initializer-input', message, { graph: visible.path, value: first });
}

function declareTypes(infos: readonly ValueInfo[], visible: VisibleValues, { findings }: Surroundings): void {
  for (const { name, type } of infos) {
    const text = typeText(type);
    if (text === undefined) continue;
    const before = visible.declaredTypes.get(name);
    if (before !== undefined && before !== text) {
      const message = `the graph declares "${clip(name)}" as ${before} and as ${text}`;
      findings.error('type-disagrees', message, { graph: visible.path, value: name });
    }
    visible.declaredTypes.set(name, text);
  }
}

function checkOutputs({ outputs }: Graph, visible: VisibleValues, { findings }: Surroundings): void {
  const seen = new Set<string>();
  for (const { name, type } of outputs) {
    const where = { graph: visible.path, value: name };
    if (visible.path === 'main' && !isTyped(type)) {
      const message = `the file does not say of what type the output "${clip(name)}" is: some tools refuse it`;
      findings.warning('type-missing', message, where);
    }
    if (name === '') findings.error('name-missing', 'an output of the graph has no name', where);
    else if (!visible.has(name))
      findings.error('value-undefined', `nothing defines the output "${clip(name)}" of the graph`, where);
    if (seen.has(name))
      findings.warning('name-duplicate', `the graph lists its output "${clip(name)}" twice`, where);
    seen.add(name);
  }
}
