import { walkGraphs } from '../graph/index.ts';
import type { Model, ModelFunction, Node } from '../model/index.ts';
import {
  canonicalDomain,
  domainName,
  findOperator,
  formalAt,
  type Operator,
  tensorTypeText,
} from '../operators/index.ts';
import { inferShapes } from '../shapes/index.ts';
import { findKernel, type Kernel, newestRunnableOpset, type Provider } from './kernels.ts';

/** Where a node runs when a model is given to a provider, with the CPU behind it. */
export interface Placement {
  node: Node;
  runs: Provider | 'none';
  /** Why it does not run where it was asked to, in the user's words; '' where it does. */
  reason: string;
}

const providerNames: Record<Provider, string> = { cpu: 'the CPU', webgpu: 'WebGPU' };

/**
 * Which provider of ONNX Runtime 1.30 runs each node of a model, subgraphs included, outermost first. It judges the graph
 * as it stands: what the runtime folds, fuses or moves to the CPU because it computes shapes, is placed as written.
 * Types that are not known are taken to fit. Errors: those of inferShapes.
 */
export function placeNodes(model: Model, provider: Provider): Placement[] {
  const placer = new Placer(model, provider);
  return Array.from(walkGraphs(model.graph)).flatMap((graph) =>
    graph.nodes.map((node) => placer.place(node)),
  );
}

class Placer {
  readonly #provider: Provider;
  readonly #types: ReadonlyMap<string, { elementType: number }>;
  readonly #functions: ReadonlyMap<string, ModelFunction>;
  readonly #opsets: ReadonlyMap<string, number>;
  /** Functions by the worst of what their nodes get; 'none' while they are being judged, so that recursion ends. */
  readonly #bodies = new Map<ModelFunction, Omit<Placement, 'node'>>();

  constructor(model: Model, provider: Provider) {
    this.#provider = provider;
    this.#types = inferShapes(model);
    this.#functions = new Map(
      model.functions.map((fn) => [functionKey(fn.domain, fn.name, fn.overload), fn]),
    );
    this.#opsets = new Map(model.opsets.map(({ domain, version }) => [canonicalDomain(domain), version]));
  }

  place(node: Node): Placement {
    return { node, ...this.#judge(node, this.#opsets) };
  }

  #judge(node: Node, opsets: ReadonlyMap<string, number>): Omit<Placement, 'node'> {
    const fn = this.#functions.get(functionKey(node.domain, node.opType, node.overload));
    if (fn) return this.#judgeFunction(fn);
    const domain = canonicalDomain(node.domain);
    const version = opsets.get(domain) ?? 0;
    const name = `${node.opType} of ${domainName(domain)} ${version}`;
    if (domain === '' && version > newestRunnableOpset)
      return none(`ONNX Runtime knows ai.onnx up to version ${newestRunnableOpset}, not ${version}`);
    const operator = findOperator(domain, node.opType, version);
    if (operator === undefined || operator.deprecated)
      return none(`${name} is not an operator that is known`);
    const refusals: string[] = [];
    for (const candidate of this.#provider === 'cpu' ? (['cpu'] as const) : (['webgpu', 'cpu'] as const)) {
      const refusal = this.#refusal(node, operator, candidate);
      if (refusal === undefined) return { runs: candidate, reason: refusals.join('; ') };
      refusals.push(`${providerNames[candidate]} has no kernel for ${name}${refusal}`);
    }
    return none(refusals.join('; '));
  }

  /** A function runs where all of its nodes do; their types depend on the call and are taken to fit. */
  #judgeFunction(fn: ModelFunction): Omit<Placement, 'node'> {
    const known = this.#bodies.get(fn);
    if (known) return known;
    this.#bodies.set(fn, none(`function ${fn.name} calls itself`));
    const opsets = new Map(fn.opsets.map(({ domain, version }) => [canonicalDomain(domain), version]));
    let worst: Omit<Placement, 'node'> = { runs: this.#provider, reason: '' };
    for (const node of fn.nodes) {
      const judged = this.#judge(node, opsets);
      if (judged.runs !== this.#provider && (worst.runs === this.#provider || judged.runs === 'none'))
        worst = judged;
    }
    this.#bodies.set(fn, worst);
    return worst;
  }

  /** Why a provider cannot run a node: '' for no kernel at all, else the type it has none for. Undefined where it can. */
  #refusal(node: Node, operator: Operator, provider: Provider): string | undefined {
    const kernel = findKernel(node.domain, operator, provider);
    if (kernel === undefined) return '';
    const sides = [
      [node.inputs, operator.inputs],
      [node.outputs, operator.outputs],
    ] as const;
    for (const [names, formals] of sides)
      for (const [index, name] of names.entries()) {
        const formal = formalAt(formals, index);
        const type = this.#typeOf(name);
        if (formal && type && !takes(kernel, formal.type, type, provider))
          return ` on ${type} as "${formal.name}"`;
      }
    return undefined;
  }

  #typeOf(name: string): string | undefined {
    const type = name === '' ? undefined : this.#types.get(name);
    return type && tensorTypeText(type.elementType);
  }
}

/** On the CPU ONNX Runtime puts casts to fp32 around what it has no kernel in fp16 for. */
function takes(kernel: Kernel, variable: string, type: string, provider: Provider): boolean {
  const types = kernel.get(variable);
  if (types === undefined || types.has(type)) return true;
  return provider === 'cpu' && type === 'tensor(float16)' && types.has('tensor(float)');
}

function none(reason: string): Omit<Placement, 'node'> {
  return { runs: 'none', reason };
}

function functionKey(domain: string, name: string, overload: string): string {
  return JSON.stringify([canonicalDomain(domain), name, overload]);
}
