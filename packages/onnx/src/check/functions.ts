import { type Model, type ModelFunction, type Node, subgraphs } from '../model/index.ts';
import { canonicalDomain } from '../operators/index.ts';
import { clip } from './finding.ts';
import { checkNodes } from './graph.ts';
import { checkOpsets } from './opsets.ts';
import { functionKey, inFunction, type Surroundings } from './surroundings.ts';
import { VisibleValues } from './visible-values.ts';

/** Runtimes put functions in place of their calls: a few that call one another twice each make a graph without end. */
const maxInlinedNodes = 10_000_000;

/** Checks the functions of a model: each once, none calling itself, their nodes as those of a graph. */
export function checkFunctions(model: Model, surroundings: Surroundings): void {
  const { findings } = surroundings;
  const seen = new Set<string>();
  const domains = functionDomains(model);
  for (const fn of model.functions) {
    const graph = pathOf(fn);
    const key = functionKey(fn.domain, fn.name, fn.overload);
    if (fn.name === '') findings.error('name-missing', 'a function of the model has no name', { graph });
    if (seen.has(key)) findings.error('name-duplicate', `the ${graph} is defined twice`, { graph });
    seen.add(key);
    checkOpsets(fn.opsets, domains, graph, findings);
    checkBody(fn, graph, inFunction(surroundings, fn));
  }
  checkInlining(model, surroundings);
}

/** The domains that a model's own functions are in. */
export function functionDomains({ functions }: Model): ReadonlySet<string> {
  return new Set(functions.map(({ domain }) => canonicalDomain(domain)));
}

function pathOf({ domain, name }: ModelFunction): string {
  return `function ${domain ? `${clip(domain)}.` : ''}${clip(name)}`;
}

function checkBody(fn: ModelFunction, graph: string, surroundings: Surroundings): void {
  const { findings } = surroundings;
  const visible = new VisibleValues(graph, fn.nodes);
  for (const input of fn.inputs) {
    if (visible.hasOwn(input))
      findings.error('name-duplicate', `the ${graph} has two inputs named "${clip(input)}"`, { graph });
    visible.define(input, undefined);
  }
  checkNodes(fn.nodes, visible, surroundings);
  for (const output of fn.outputs)
    if (!visible.has(output)) {
      const message = `nothing defines the output "${clip(output)}" of the ${graph}`;
      findings.error('value-undefined', message, { graph, value: output });
    }
}

/** A function on the way down its calls, kept by hand: chains of calls are as long as a file likes. */
interface Visit {
  key: string;
  calls: string[];
  next: number;
  nodes: number;
}

/** Reports functions that call themselves, and calls that come to more nodes than any runtime can hold. */
function checkInlining({ functions: all, graph }: Model, { findings, functions }: Surroundings): void {
  const sizes = new Map<string, number>();
  const reported = (fn: ModelFunction | undefined, message: string) =>
    findings.error('function-invalid', message, { graph: fn ? pathOf(fn) : 'main' });
  for (const start of all) {
    const path = [visit(functionKey(start.domain, start.name, start.overload), start.nodes, functions)];
    const onPath = new Set(path.map(({ key }) => key));
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const called = top.calls[top.next];
      const fn = called === undefined ? undefined : functions.get(called);
      const size = called === undefined ? undefined : sizes.get(called);
      if (called === undefined || fn === undefined || sizes.has(top.key)) {
        sizes.set(top.key, sizes.get(top.key) ?? top.nodes);
        onPath.delete(top.key);
        path.pop();
      } else if (onPath.has(called)) {
        reported(fn, `the ${pathOf(fn)} calls itself`);
        return;
      } else if (size === undefined) {
        path.push(visit(called, fn.nodes, functions));
        onPath.add(called);
      } else {
        top.nodes += size;
        top.next++;
      }
    }
  }
  const inlined = visit('', graph.nodes, functions);
  const total = inlined.calls.reduce((sum, key) => sum + (sizes.get(key) ?? 0), inlined.nodes);
  if (total > maxInlinedNodes)
    reported(
      undefined,
      `the functions of the model come to more than ${maxInlinedNodes} nodes where they are called`,
    );
}

function visit(key: string, nodes: readonly Node[], functions: Surroundings['functions']): Visit {
  const calls: string[] = [];
  let count = 0;
  const walk = (list: readonly Node[]): void => {
    for (const node of list) {
      count++;
      const called = functionKey(node.domain, node.opType, node.overload);
      if (functions.has(called)) calls.push(called);
      for (const { graph } of subgraphs(node)) walk(graph.nodes);
    }
  };
  walk(nodes);
  return { key, calls, next: 0, nodes: count };
}
