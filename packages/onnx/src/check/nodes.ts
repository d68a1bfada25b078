import type { ModelFunction, Node } from '../model/index.ts';
import {
  canonicalDomain,
  countRange,
  domainName,
  type Formal,
  formalAt,
  newestOpset,
  type Operator,
  operatorVersions,
} from '../operators/index.ts';
import { checkAttributes, checkAttributeValues } from './attributes.ts';
import { clip, nodeText } from './finding.ts';
import { functionKey, type Surroundings } from './surroundings.ts';

/**
 * Checks a node against what it calls, a function of the model before an operator of that name (ONNX IR.md, Functions).
 * Answers the operator, for its types; undefined for a function and for what is not known.
 */
export function checkNode(node: Node, graph: string, surroundings: Surroundings): Operator | undefined {
  const { findings, functions, functionAttributes } = surroundings;
  checkAttributeValues(node, functionAttributes, graph, findings);
  const where = { graph, node: node.name };
  if (node.opType === '') findings.error('name-missing', `${nodeText(node)} names no operator`, where);
  if (!surroundings.opsets.has(canonicalDomain(node.domain))) {
    const domain = clip(domainName(canonicalDomain(node.domain)));
    const message = `${nodeText(node)} is of the domain ${domain}, whose operator set is not imported`;
    findings.error('opset-missing', message, where);
    return undefined;
  }
  const fn = functions.get(functionKey(node.domain, node.opType, node.overload));
  if (fn) {
    checkCall(node, fn, graph, surroundings);
    return undefined;
  }
  const operator = surroundings.operatorOf(node);
  if (operator === undefined) {
    reportUnknown(node, graph, surroundings);
    return undefined;
  }
  if (operator.deprecated) {
    const message = `${nodeText(node)}: operator ${operator.opType} was withdrawn in version ${operator.sinceVersion}`;
    findings.error('operator-deprecated', message, where);
    return undefined;
  }
  checkCount(node, 'input', operator.inputs, graph, surroundings);
  checkCount(node, 'output', operator.outputs, graph, surroundings);
  checkAttributes(node, operator, graph, findings);
  return operator;
}

function checkCount(
  node: Node,
  side: 'input' | 'output',
  formals: readonly Formal[],
  graph: string,
  { findings }: Surroundings,
): void {
  const where = { graph, node: node.name };
  const names = side === 'input' ? node.inputs : node.outputs;
  const { min, max } = countRange(formals);
  if (names.length < min || names.length > max) {
    const range =
      max === Number.POSITIVE_INFINITY ? `at least ${min}` : min === max ? min : `${min} to ${max}`;
    findings.error(
      `${side}-count`,
      `${nodeText(node)} has ${names.length} ${side}s, it takes ${range}`,
      where,
    );
    return;
  }
  for (const [index, name] of names.entries()) {
    const formal = formalAt(formals, index);
    if (name === '' && formal?.arity.kind === 'single')
      findings.error(`${side}-count`, `${nodeText(node)} lacks its ${side} "${formal.name}"`, where);
  }
}

/** A node that calls a function gives at most its inputs and outputs, and every attribute without a default. */
function checkCall(node: Node, fn: ModelFunction, graph: string, { findings }: Surroundings): void {
  const where = { graph, node: node.name };
  if (node.inputs.length > fn.inputs.length) {
    const message = `${nodeText(node)} has ${node.inputs.length} inputs, its function takes ${fn.inputs.length}`;
    findings.error('input-count', message, where);
  }
  if (node.outputs.length > fn.outputs.length) {
    const message = `${nodeText(node)} has ${node.outputs.length} outputs, its function has ${fn.outputs.length}`;
    findings.error('output-count', message, where);
  }
  for (const name of fn.attributeNames)
    if (!node.attributes.has(name))
      findings.error('attribute-missing', `${nodeText(node)} lacks the attribute "${clip(name)}"`, where);
}

/** An operator of a domain that is known, which has none of that name or not yet. */
function reportUnknown(node: Node, graph: string, { opsets, findings }: Surroundings): void {
  const domain = canonicalDomain(node.domain);
  const newest = newestOpset(domain);
  if (newest === undefined) return;
  const where = { graph, node: node.name };
  const version = opsets.get(domain) ?? 0;
  const [since] = operatorVersions(domain, node.opType);
  if (since !== undefined) {
    const message = `${nodeText(node)}: ${domainName(domain)} has that operator since version ${since}, the model uses ${version}`;
    findings.error('operator-unknown', message, where);
    return;
  }
  const message = `${nodeText(node)}: ${domainName(domain)} has no such operator in version ${Math.min(version, newest)}`;
  if (version > newest) findings.warning('operator-unknown', message, where);
  else findings.error('operator-unknown', message, where);
}
