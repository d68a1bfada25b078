import { Uses } from '../graph/index.ts';
import {
  type Constant,
  elementTypes,
  floatAttribute,
  type Graph,
  intAttribute,
  type Model,
  type Node,
  numbersOf,
  textAttribute,
} from '../model/index.ts';
import type { Range } from './affine.ts';
import { type IntegerRole, integerRoleOf } from './operators.ts';

/** The part of a model's main graph that static quantization computes on integers. */
export interface Region {
  /** What each node of the region does, in the order of the graph. */
  roles: ReadonlyMap<Node, IntegerRole>;
  /** Relu or Clip right behind a node of the region, by that node: saturation can do its work. */
  clips: ReadonlyMap<Node, Node>;
  constants: ReadonlyMap<string, Constant>;
  uses: Uses;
}

/** Constants of a graph that no caller can replace. */
function constantsOf(graph: Graph): ReadonlyMap<string, Constant> {
  const replaceable = new Set(graph.inputs.map(({ name }) => name));
  return new Map([...graph.initializers].filter(([name]) => !replaceable.has(name)));
}

/**
 * Weighted nodes, and around them those that keep values in integers from one to the next. What would only be converted
 * back and forth stays out: a node joins when all it takes is already integer, and computes there only if somebody
 * behind it takes integers.
 */
export function regionOf(model: Model, keep: ReadonlySet<string>): Region {
  const { graph } = model;
  const uses = new Uses(graph);
  const constants = constantsOf(graph);
  const facts: GraphFacts = { constants, uses };
  const candidates = grow(graph, facts, keep);
  const roles = prune(candidates, uses);
  const clips = new Map<Node, Node>();
  for (const [node, role] of roles) {
    const clip = clipBehind(node, role, uses);
    if (clip) clips.set(node, clip);
  }
  return { roles, clips, constants, uses };
}

/** Values that a node of a region takes as integers: constants among them where it has no weight. */
export function dataInputs(node: Node): readonly string[] {
  if (node.opType === 'Concat') return node.inputs;
  if (node.opType === 'Add' || node.opType === 'Mul' || node.opType === 'MatMul')
    return node.inputs.slice(0, 2);
  return node.inputs.slice(0, 1);
}

interface GraphFacts {
  constants: ReadonlyMap<string, Constant>;
  uses: Uses;
}

interface Candidate {
  role: IntegerRole;
  /** Whether its integers come from a weighted node, moved at most. */
  fromWeighted: boolean;
}

/** Every node that could compute on integers, from what is before it. */
function grow(graph: Graph, facts: GraphFacts, keep: ReadonlySet<string>): Map<Node, Candidate> {
  const { constants, uses } = facts;
  const integer = new Set<string>();
  const candidates = new Map<Node, Candidate>();
  /** Nodes by the name of what is integer behind them. */
  const origins = new Map<string, Candidate>();
  const roleOf = (node: Node) => (keep.has(node.name) ? undefined : roleIn(node, facts));
  for (const node of graph.nodes) if (roleOf(node) === 'weighted') integer.add(node.inputs[0] ?? '');
  for (const node of graph.nodes) {
    const role = roleOf(node);
    const data = dataInputs(node).filter((name) => !constants.has(name));
    const joins = role === 'weighted' || (data.length > 0 && data.every((name) => integer.has(name)));
    if (role === undefined || !joins) continue;
    const before = role === 'moving' ? origins.get(node.inputs[0] ?? '') : undefined;
    const candidate = { role, fromWeighted: role === 'weighted' || before?.fromWeighted === true };
    candidates.set(node, candidate);
    for (const output of [...node.outputs, ...(clipBehind(node, role, uses)?.outputs ?? [])]) {
      integer.add(output);
      origins.set(output, candidate);
    }
  }
  return candidates;
}

/** Leaves only nodes with a reason: a weight; integers wanted behind them; or integers of a weighted node to move. */
function prune(candidates: ReadonlyMap<Node, Candidate>, uses: Uses): Map<Node, IntegerRole> {
  const kept = new Set<Node>();
  for (const [node, { role, fromWeighted }] of [...candidates].reverse()) {
    const behind = clipBehind(node, role, uses) ?? node;
    const wanted = behind.outputs.some((output) => uses.consumers(output).some((taker) => kept.has(taker)));
    if (wanted || fromWeighted) kept.add(node);
  }
  return new Map([...candidates].filter(([node]) => kept.has(node)).map(([node, { role }]) => [node, role]));
}

/** The Relu or Clip that is the only one to take what `node` gives; none behind a moving node, which has no scale of its own. */
function clipBehind(node: Node, role: IntegerRole, uses: Uses): Node | undefined {
  const [output = '', ...more] = node.outputs;
  const [taker, ...others] = uses.consumers(output);
  if (role === 'moving' || more.some((name) => name !== '') || others.length > 0 || uses.isOutput(output))
    return undefined;
  if (taker?.domain !== '' || taker.inputs[0] !== output) return undefined;
  return taker.opType === 'Relu' || taker.opType === 'Clip' ? taker : undefined;
}

/** What `node` could do on integers, if it could. */
function roleIn(node: Node, { constants, uses }: GraphFacts): IntegerRole | undefined {
  const role = node.domain === '' ? integerRoleOf(node.opType) : undefined;
  const isFloat = (name: string | undefined) => constants.get(name ?? '')?.elementType === elementTypes.FLOAT;
  const used = (name: string | undefined) => name !== undefined && name !== '';
  const [first = '', second = '', third] = node.inputs;
  switch (node.opType) {
    case 'Conv':
      return !constants.has(first) && isFloat(second) && (!used(third) || isFloat(third)) ? role : undefined;
    case 'Gemm':
      if (floatAttribute(node, 'alpha') !== undefined && floatAttribute(node, 'alpha') !== 1)
        return undefined;
      if (floatAttribute(node, 'beta') !== undefined && floatAttribute(node, 'beta') !== 1) return undefined;
      return !constants.has(first) && isFloat(second) && isRowOrNone(constants, third) ? role : undefined;
    case 'MatMul':
      if (constants.has(first)) return undefined;
      if (!constants.has(second)) return role && 'rescaling';
      return isFloat(second) && (constants.get(second)?.dims.length ?? 0) >= 2 ? role : undefined;
    case 'Add':
    case 'Mul':
      if (uses.producer(first)?.opType === 'MatMul' && constants.has(second)) return undefined;
      return [first, second].every((name) => !constants.has(name) || isFloat(name)) ? role : undefined;
    case 'Concat':
      return node.inputs.some((name) => constants.has(name)) ? undefined : role;
    case 'AveragePool':
      return node.attributes.has('dilations') ? undefined : role;
    case 'MaxPool':
      return used(node.outputs[1]) ? undefined : role;
    case 'Resize':
      return isInterpolation(textAttribute(node, 'mode') ?? 'nearest') ? role : undefined;
    case 'Split':
      return node.outputs.every((name) => uses.consumers(name).length > 0) ? role : undefined;
    default:
      return role;
  }
}

/** A bias that int32 of one scale per column can hold: one number for each column. */
function isRowOrNone(constants: ReadonlyMap<string, Constant>, name: string | undefined): boolean {
  if (name === undefined || name === '') return true;
  const constant = constants.get(name);
  return constant?.elementType === elementTypes.FLOAT && constant.dims.slice(0, -1).every((dim) => dim === 1);
}

/** Modes that give no value outside of what they take (cubic overshoots). */
function isInterpolation(mode: string): boolean {
  return mode === 'nearest' || mode === 'linear';
}

/** The bounds of a Relu or of a Clip with constant bounds; undefined for other bounds. */
export function clipBounds(node: Node, constants: ReadonlyMap<string, Constant>): Range | undefined {
  if (node.opType === 'Relu') return { min: 0, max: Number.POSITIVE_INFINITY };
  const min = clipBound(node, 1, 'min', constants) ?? Number.NEGATIVE_INFINITY;
  const max = clipBound(node, 2, 'max', constants) ?? Number.POSITIVE_INFINITY;
  return Number.isNaN(min) || Number.isNaN(max) ? undefined : { min, max };
}

/** NaN for a bound that is computed. */
function clipBound(
  node: Node,
  input: number,
  attribute: string,
  constants: ReadonlyMap<string, Constant>,
): number | undefined {
  const name = node.inputs[input] ?? '';
  if (name === '') return floatAttribute(node, attribute);
  const constant = constants.get(name);
  return constant ? numbersOf(constant)[0] : Number.NaN;
}

/** The axis of a weight along which each output has a channel of its own; undefined where it has none. */
export function channelAxis(node: Node, weight: Constant): number | undefined {
  if (node.opType === 'Conv') return 0;
  if (node.opType === 'Gemm') return intAttribute(node, 'transB') === 1 ? 0 : 1;
  return weight.dims.length === 2 ? 1 : undefined;
}
