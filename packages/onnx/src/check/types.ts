import type { Attribute, Node } from '../model/index.ts';
import { type Formal, formalAt, isElementType, type Operator, tensorTypeText } from '../operators/index.ts';
import { clip, nodeText } from './finding.ts';
import type { Surroundings } from './surroundings.ts';
import type { VisibleValues } from './visible-values.ts';

/**
 * Checks the types of a node's inputs against its operator and answers those of its outputs, undefined where they do
 * not follow. Types that are not known agree with everything.
 */
export function checkTypes(
  node: Node,
  operator: Operator,
  visible: VisibleValues,
  { findings }: Surroundings,
): (string | undefined)[] {
  const bound = new Map<string, string>();
  for (const [index, input] of node.inputs.entries()) {
    const formal = formalAt(operator.inputs, index);
    const type = input === '' ? undefined : visible.typeOf(input);
    if (formal === undefined || type === undefined) continue;
    const problem = typeProblem(formal, type, operator, bound);
    if (problem === undefined) continue;
    const message = `${nodeText(node)} takes "${clip(input)}" of type ${type} as its "${formal.name}", ${problem}`;
    findings.error('type-disagrees', message, { graph: visible.path, node: node.name, value: input });
  }
  return node.outputs.map((_, index) => {
    const formal = formalAt(operator.outputs, index);
    return typeFromAttributes(node, operator) ?? (formal && outputType(formal, operator, bound));
  });
}

/** Binds the type variable of an input; answers why its type cannot be that, in words. */
function typeProblem(
  { type: wanted, arity }: Formal,
  type: string,
  operator: Operator,
  bound: Map<string, string>,
): string | undefined {
  const allowed = operator.typeVariables.get(wanted);
  if (allowed === undefined) return type === wanted ? undefined : `which must be ${wanted}`;
  if (!allowed.has(type))
    return allowed.size <= 3
      ? `which must be ${[...allowed].join(' or ')}`
      : `which ${operator.opType} does not take there`;
  if (arity.kind === 'variadic' && !arity.sameType) return undefined;
  const before = bound.get(wanted);
  if (before !== undefined && before !== type) return `where another input makes it ${before}`;
  bound.set(wanted, type);
  return undefined;
}

function outputType(
  { type, arity }: Formal,
  operator: Operator,
  bound: ReadonlyMap<string, string>,
): string | undefined {
  const allowed = operator.typeVariables.get(type);
  if (allowed === undefined) return type;
  if (arity.kind === 'variadic' && !arity.sameType) return undefined;
  const [only, another] = allowed;
  return bound.get(type) ?? (another === undefined ? only : undefined);
}

/** The operators whose output type is said by an attribute, as far as it is common for other nodes to rest on it. */
function typeFromAttributes({ attributes }: Node, { opType }: Operator): string | undefined {
  if (opType === 'Cast') return elementTypeText(attributes.get('to'));
  if (opType === 'ConstantOfShape') return tensorTypeOf(attributes.get('value')) ?? 'tensor(float)';
  if (opType !== 'Constant') return undefined;
  if (attributes.has('value_float') || attributes.has('value_floats')) return 'tensor(float)';
  if (attributes.has('value_int') || attributes.has('value_ints')) return 'tensor(int64)';
  if (attributes.has('value_string') || attributes.has('value_strings')) return 'tensor(string)';
  return tensorTypeOf(attributes.get('value'));
}

function elementTypeText(attribute: Attribute | undefined): string | undefined {
  const number = attribute?.type === 'int' ? Number(attribute.value) : 0;
  return isElementType(number) ? tensorTypeText(number) : undefined;
}

function tensorTypeOf(attribute: Attribute | undefined): string | undefined {
  if (attribute?.type !== 'tensor') return undefined;
  const { elementType } = attribute.value;
  return isElementType(elementType) ? tensorTypeText(elementType) : undefined;
}
