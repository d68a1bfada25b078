import type { Model, ModelFunction, Node, Opset } from '../model/index.ts';
import { canonicalDomain, findOperator, type Operator } from '../operators/index.ts';
import type { Findings } from './finding.ts';

/** What the nodes of a graph or a function are judged by. */
export interface Surroundings {
  findings: Findings;
  /** Versions by domain, `''` for ONNX's own. */
  opsets: ReadonlyMap<string, number>;
  /** The functions of the model by functionKey. */
  functions: ReadonlyMap<string, ModelFunction>;
  /** Attributes that nodes may refer to; absent outside functions. */
  functionAttributes?: ReadonlySet<string>;
  /** The operator of a node, or undefined where none is declared for its domain, name and version. */
  operatorOf(node: Node): Operator | undefined;
}

export function createSurroundings(model: Model, findings: Findings): Surroundings {
  const functions = new Map(model.functions.map((fn) => [functionKey(fn.domain, fn.name, fn.overload), fn]));
  // Before IR version 3 a file named no operator sets, and all was version 1 (onnx.proto).
  const isAncient = model.irVersion < 3 && model.opsets.length === 0;
  const opsets = isAncient ? [{ domain: '', version: 1 }] : model.opsets;
  return withOpsets({ findings, functions }, versionsOf(opsets));
}

/** The same within a function, which names operator sets and attributes of its own. */
export function inFunction({ findings, functions }: Surroundings, fn: ModelFunction): Surroundings {
  const functionAttributes = new Set([...fn.attributeNames, ...fn.attributeDefaults.keys()]);
  return { ...withOpsets({ findings, functions }, versionsOf(fn.opsets)), functionAttributes };
}

function withOpsets(
  { findings, functions }: Pick<Surroundings, 'findings' | 'functions'>,
  opsets: ReadonlyMap<string, number>,
): Surroundings {
  const found = new Map<string, Operator | undefined>();
  return {
    findings,
    functions,
    opsets,
    operatorOf: ({ domain, opType }) => {
      const key = JSON.stringify([domain, opType]);
      if (!found.has(key))
        found.set(key, findOperator(domain, opType, opsets.get(canonicalDomain(domain)) ?? 0));
      return found.get(key);
    },
  };
}

function versionsOf(opsets: readonly Opset[]): ReadonlyMap<string, number> {
  return new Map(opsets.map(({ domain, version }) => [canonicalDomain(domain), version]));
}

/** What a node calls a function by. */
export function functionKey(domain: string, name: string, overload: string): string {
  return JSON.stringify([canonicalDomain(domain), name, overload]);
}
