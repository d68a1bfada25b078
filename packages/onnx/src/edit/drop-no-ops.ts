import { Uses } from '../graph/index.ts';
import { type Dimension, intAttribute, intsAttribute, type Node, numbersOf } from '../model/index.ts';
import { inferShapes, type TensorType } from '../shapes/index.ts';
import type { Pass } from './pass.ts';
import { bypassNodes } from './rename.ts';
import { isOnnx, type Scope, scopesOf } from './scope.ts';

/** Takes out nodes that give their input unchanged: Identity, Dropout in inference, Cast, Reshape, Slice, ... to what is there. */
export const dropNoOps: Pass = {
  name: 'drop-no-ops',
  summary:
    'takes out nodes that change nothing: Identity, Dropout, and Cast, Reshape, Transpose, Pad, Slice to what is there',
  apply(model) {
    const types = inferShapes(model);
    let changes = 0;
    for (const scope of scopesOf(model)) {
      const uses = new Uses(scope.graph);
      changes += bypassNodes(scope.graph, (node) => passedOn({ node, scope, types, uses }));
    }
    return changes;
  },
};

interface Candidate {
  node: Node;
  scope: Scope;
  types: ReadonlyMap<string, TensorType>;
  uses: Uses;
}

/** The input that the node's first output equals, or undefined. */
function passedOn(candidate: Candidate): string | undefined {
  const { node, uses } = candidate;
  if (!isOnnx(node) || !Object.hasOwn(rules, node.opType)) return undefined;
  const others = node.outputs
    .slice(1)
    .some((output) => uses.isOutput(output) || uses.consumers(output).length > 0);
  if (others) return undefined;
  const place = rules[node.opType]?.(candidate);
  return place === undefined || node.inputs[place] === '' ? undefined : node.inputs[place];
}

/** The place among its inputs of the one that a node passes on unchanged, or undefined where it does something. */
type Rule = (candidate: Candidate) => number | undefined;

const always: Rule = () => 0;
const alone: Rule = ({ node }) => (node.inputs.length === 1 ? 0 : undefined);
const keepsShape: Rule = (candidate) => (hasShapeOf(candidate, 0) ? 0 : undefined);

function hasShapeOf({ node, types }: Candidate, place: number): boolean {
  const before = types.get(node.inputs[place] ?? '')?.shape;
  const after = types.get(node.outputs[0] ?? '')?.shape;
  return before !== undefined && after !== undefined && isSame(before, after);
}

function isSame(a: readonly Dimension[], b: readonly Dimension[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension !== null && dimension === b[axis]);
}

/** Whether every number of the constant is `value`; an input that is left out is none. */
function isAll({ node, scope }: Candidate, place: number, value: number): boolean {
  const constant = scope.constant(node.inputs[place]);
  return constant?.data.kind === 'raw' && numbersOf(constant).every((number) => number === value);
}

const cast: Rule = ({ node, types }) =>
  types.get(node.inputs[0] ?? '')?.elementType === intAttribute(node, 'to') ? 0 : undefined;

const clip: Rule = ({ node }) =>
  node.attributes.size === 0 && node.inputs.slice(1).every((input) => input === '') ? 0 : undefined;

/** Dropout works in training only, which `training_mode` turns on. */
const dropout: Rule = (candidate) =>
  (candidate.node.inputs[2] ?? '') === '' || isAll(candidate, 2, 0) ? 0 : undefined;

const pad: Rule = (candidate) => {
  const pads = intsAttribute(candidate.node, 'pads');
  return (pads ? pads.every((amount) => amount === 0) : isAll(candidate, 1, 0)) ? 0 : undefined;
};

const slice: Rule = (candidate) => {
  const forward = (candidate.node.inputs[4] ?? '') === '' || isAll(candidate, 4, 1);
  return forward && hasShapeOf(candidate, 0) ? 0 : undefined;
};

const tile: Rule = (candidate) => (isAll(candidate, 1, 1) ? 0 : undefined);

const transpose: Rule = ({ node }) =>
  intsAttribute(node, 'perm')?.every((from, to) => from === to) ? 0 : undefined;

/** Arithmetic with a constant that changes nothing, on the right or, where `commutes`, on the left. */
function neutral(value: number, commutes: boolean): Rule {
  return (candidate) => {
    const places = commutes ? [0, 1] : [0];
    return places.find((place) => isAll(candidate, 1 - place, value) && hasShapeOf(candidate, place));
  };
}

const rules: Record<string, Rule> = {
  Add: neutral(0, true),
  Cast: cast,
  Clip: clip,
  Concat: alone,
  Div: neutral(1, false),
  Dropout: dropout,
  Expand: keepsShape,
  Flatten: keepsShape,
  Identity: always,
  Max: alone,
  Mean: alone,
  Min: alone,
  Mul: neutral(1, true),
  Pad: pad,
  Reshape: keepsShape,
  Slice: slice,
  Squeeze: keepsShape,
  Sub: neutral(0, false),
  Sum: alone,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: keepsShape,
};
