import { CoveyError } from '@covey/protocol';
import { type Graph, type Model, type Node, subgraphs } from '../model/index.ts';
import { type Finding, Findings } from './finding.ts';
import { checkFunctions, functionDomains } from './functions.ts';
import { checkGraph } from './graph.ts';
import { checkOpsets } from './opsets.ts';
import { createSurroundings } from './surroundings.ts';

/** The newest IR version known (onnx.proto of ONNX 1.23). */
const newestIrVersion = 14;
/** A file can nest no deeper than the reader allows, about 33; this bounds models made in memory. */
const maxDepth = 64;

/**
 * Everything wrong with a model, errors and warnings in the order of the graph; empty for a sound one. Checks what
 * ONNX demands (IR.md, Versioning.md and the operators' declarations): names, order, operators, attributes, constants
 * and, as far as they follow without shape inference, types. Time is linear in the model, errors and warnings are at most 1001 each.
 */
export function checkModel(model: Model): Finding[] {
  const findings = new Findings();
  const roots = [model.graph.nodes, ...model.functions.map(({ nodes }) => nodes)];
  if (isTooDeep(roots)) {
    findings.error('too-deep', `its graphs are nested deeper than ${maxDepth}`, { graph: 'main' });
    return findings.list;
  }
  checkHead(model, findings);
  const surroundings = createSurroundings(model, findings);
  checkFunctions(model, surroundings);
  checkGraph(model.graph, 'main', surroundings);
  return findings.list;
}

/** Errors: MODEL_INVALID with the first error of checkModel and how many there are. */
export function assertModel(model: Model): void {
  const errors = checkModel(model).filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return;
  const place = first.where.graph === 'main' ? '' : ` (in ${first.where.graph})`;
  const others = errors.length - 1;
  const more = others > 0 ? `, and ${others} more ${others === 1 ? 'error' : 'errors'}` : '';
  throw new CoveyError('MODEL_INVALID', `${first.message}${place}${more}`);
}

function checkHead(model: Model, findings: Findings): void {
  const { irVersion, opsets, graph } = model;
  const where = { graph: 'main' };
  if (irVersion < 1) findings.error('ir-version', 'the model names no IR version', where);
  if (irVersion > newestIrVersion)
    findings.warning(
      'ir-version',
      `IR version ${irVersion} is newer than ${newestIrVersion}, the newest known`,
      where,
    );
  checkOpsets(opsets, functionDomains(model), 'main', findings);
  if (graph.outputs.length === 0)
    findings.error('value-undefined', 'the graph has no outputs, so it computes nothing', where);
}

function isTooDeep(roots: readonly (readonly Node[])[]): boolean {
  let level: readonly Node[][] = roots.map((nodes) => [...nodes]);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return true;
    level = level.flatMap((nodes) => nodes.flatMap((node) => subgraphs(node).map(nodesOf)));
  }
  return false;
}

function nodesOf({ graph }: { graph: Graph }): Node[] {
  return graph.nodes;
}
