import { CoveyError } from '@covey/protocol';
import { Names, opsetOf } from '../graph/index.ts';
import {
  type Attribute,
  cloneNode,
  createNode,
  type Model,
  type ModelFunction,
  type Node,
  subgraphs,
} from '../model/index.ts';
import type { Pass } from './pass.ts';
import { definedNames, renameDefined } from './rename.ts';
import { scopesOf } from './scope.ts';

/** A model that its functions make larger than this is refused: calls within calls double it at every level. */
const maxNodes = 200_000;

/**
 * Puts the nodes of the model's own functions where they are called. A function made of operators of another opset than the
 * model's stays a call. Errors of the pass: MODEL_INVALID (a function that calls itself), MODEL_UNSUPPORTED (more than
 * 200,000 nodes).
 */
export const inlineFunctions: Pass = {
  name: 'inline-functions',
  summary: "puts the nodes of the model's functions where they are called",
  apply(model) {
    const functions = model.functions.filter((fn) => hasSameOpsets(model, fn));
    return functions.length === 0 ? 0 : new Inlining(model, functions).run();
  },
};

function hasSameOpsets(model: Model, fn: ModelFunction): boolean {
  return fn.opsets.every(({ domain, version }) => [0, version].includes(opsetOf(model, domain)));
}

class Inlining {
  readonly #model: Model;
  readonly #functions: Map<string, ModelFunction>;
  readonly #names: Names;
  #nodes = 0;

  constructor(model: Model, functions: readonly ModelFunction[]) {
    this.#model = model;
    this.#functions = new Map(functions.map((fn) => [keyOf(fn, fn.name), fn]));
    this.#names = new Names(model);
  }

  run(): number {
    let changes = 0;
    // Functions that call others are done from the outside in, so there are at most as many levels as functions.
    for (let level = 0; level <= this.#functions.size; level++) {
      const calls = this.#inlineLevel();
      if (calls === 0) return changes;
      changes += calls;
    }
    throw new CoveyError('MODEL_INVALID', 'a function of the model calls itself');
  }

  #inlineLevel(): number {
    let calls = 0;
    for (const { graph } of scopesOf(this.#model))
      graph.nodes = graph.nodes.flatMap((node) => {
        const fn = this.#functions.get(keyOf(node, node.opType));
        if (fn === undefined) return [node];
        calls += 1;
        return this.#bodyFor(node, fn);
      });
    return calls;
  }

  #bodyFor(call: Node, fn: ModelFunction): Node[] {
    const nodes = fn.nodes.map(cloneNode);
    this.#nodes += nodes.length;
    if (this.#nodes > maxNodes)
      throw new CoveyError(
        'MODEL_UNSUPPORTED',
        `the functions of the model make more than ${maxNodes} nodes of it`,
      );
    const renames = new Map(
      [...definedNames(nodes)].map((name) => [name, this.#names.fresh(`${call.name || fn.name}/${name}`)]),
    );
    for (const [index, name] of fn.inputs.entries()) renames.set(name, call.inputs[index] ?? '');
    const passedOn = this.#nameOutputs(call, fn, renames);
    renameDefined(nodes, renames);
    for (const node of nodes) {
      if (node.name !== '') node.name = `${call.name}/${node.name}`;
      replaceReferences(node, fn, call);
    }
    for (const { domain, version } of fn.opsets)
      if (opsetOf(this.#model, domain) === 0) this.#model.opsets.push({ domain, version });
    return [...nodes, ...passedOn];
  }

  /** Lets the body give its outputs under the call's names; an Identity gives those it merely passes on or gives twice. */
  #nameOutputs(call: Node, fn: ModelFunction, renames: Map<string, string>): Node[] {
    const passedOn: Node[] = [];
    const given = new Set<string>(fn.inputs);
    for (const [index, name] of fn.outputs.entries()) {
      const output = call.outputs[index] ?? '';
      if (output === '') continue;
      if (given.has(name)) passedOn.push(createNode('Identity', [renames.get(name) ?? name], [output]));
      else renames.set(name, output);
      given.add(name);
    }
    return passedOn;
  }
}

function keyOf({ domain, overload }: { domain: string; overload: string }, name: string): string {
  return JSON.stringify([domain, name, overload]);
}

/** Gives attributes that stand for the caller's their values; one that the caller left out and has no default goes. */
function replaceReferences(node: Node, fn: ModelFunction, call: Node): void {
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    const value =
      attribute.type === 'reference'
        ? (call.attributes.get(attribute.value) ?? fn.attributeDefaults.get(attribute.value))
        : attribute;
    if (value) attributes.set(name, value);
    if (value && attribute === value)
      for (const { attribute: owner, graph } of subgraphs(node))
        if (owner === name) for (const inner of graph.nodes) replaceReferences(inner, fn, call);
  }
  node.attributes = attributes;
}
