import { type Attribute, type Node, subgraphs } from '../model/index.ts';
import type { AttributeDeclaration, Operator } from '../operators/index.ts';
import { checkConstant, checkSparseConstant } from './constants.ts';
import { clip, type Findings, nodeText } from './finding.ts';

/** AttributeProto.AttributeType, which an attribute that refers to one of the function's caller names by number. */
const typeByNumber: Readonly<Record<number, AttributeDeclaration['type']>> = {
  1: 'float',
  2: 'int',
  3: 'string',
  4: 'tensor',
  5: 'graph',
  6: 'floats',
  7: 'ints',
  8: 'strings',
  9: 'tensors',
  10: 'graphs',
  11: 'sparseTensor',
  12: 'sparseTensors',
  13: 'valueType',
  14: 'valueTypes',
};

/** Checks a node's attributes against those its operator declares: none unknown, none missing, each of its type. */
export function checkAttributes(node: Node, operator: Operator, graph: string, findings: Findings): void {
  const where = { graph, node: node.name };
  for (const [name, attribute] of node.attributes) {
    const declared = operator.attributes.get(name);
    // Names that begin like this belong to runtimes, which keep notes there.
    if (declared === undefined && name.startsWith('__')) continue;
    if (declared === undefined) {
      const message = `${nodeText(node)} has the attribute "${clip(name)}", which ${operator.opType} does not have since version ${operator.sinceVersion}`;
      findings.error('attribute-unknown', message, where);
    } else if (typeOf(attribute) !== declared.type) {
      const message = `${nodeText(node)} has the attribute "${clip(name)}" as ${typeOf(attribute)}, it must be ${declared.type}`;
      findings.error('attribute-type', message, where);
    }
  }
  for (const { name, required } of operator.attributes.values())
    if (required && !node.attributes.has(name))
      findings.error('attribute-missing', `${nodeText(node)} lacks the attribute "${name}"`, where);
}

function typeOf(attribute: Attribute): string {
  if (attribute.type !== 'reference') return attribute.type;
  return typeByNumber[attribute.attributeType] ?? `type ${attribute.attributeType}`;
}

/**
 * Checks what holds for attributes of any operator: tensors in them are whole, and only nodes of a function refer to
 * the attributes that it declares.
 */
export function checkAttributeValues(
  node: Node,
  declared: ReadonlySet<string> | undefined,
  graph: string,
  findings: Findings,
): void {
  for (const [name, attribute] of node.attributes) {
    const tensorName = `${node.name}.${name}`;
    if (attribute.type === 'tensor') checkConstant(attribute.value, tensorName, graph, findings);
    if (attribute.type === 'tensors')
      for (const constant of attribute.value) checkConstant(constant, tensorName, graph, findings);
    if (attribute.type === 'sparseTensor') checkSparseConstant(attribute.value, graph, findings);
    if (attribute.type === 'sparseTensors')
      for (const sparse of attribute.value) checkSparseConstant(sparse, graph, findings);
    if (attribute.type === 'reference' && !declared?.has(attribute.value)) {
      const message = declared
        ? `${nodeText(node)} refers to the attribute "${clip(attribute.value)}", which its function does not declare`
        : `${nodeText(node)} refers to an attribute of a caller, but stands in no function`;
      findings.error('attribute-reference', message, { graph, node: node.name });
    }
  }
}

/** The graphs in a node's attributes with their paths. */
export function pathsOfSubgraphs(node: Node, path: string) {
  const owner = node.name || node.outputs[0] || node.opType;
  return subgraphs(node).map(({ attribute, graph }) => ({
    graph,
    path: `${path}/${clip(owner)}.${clip(attribute)}`,
  }));
}
