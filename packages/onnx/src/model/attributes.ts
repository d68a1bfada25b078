import { CoveyError } from '@covey/protocol';
import type { Attribute, Constant, Graph, Node } from './types.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Integers of 64 bits as numbers: those beyond 2^53 (`ends` of Slice is 2^63-1 for "to the end") become the nearest safe one. */
export function clampToSafe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  if (value < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER;
  return Number(value);
}

/** An attribute of the type, or undefined where the node has none of the name. Errors: MODEL_INVALID for another type. */
function attributeOf<Type extends Attribute['type']>(
  node: Node,
  name: string,
  type: Type,
): Extract<Attribute, { type: Type }> | undefined {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return undefined;
  if (attribute.type !== type)
    throw new CoveyError(
      'MODEL_INVALID',
      `node "${node.name}" (${node.opType}): attribute "${name}" is ${attribute.type}, not ${type}`,
    );
  return attribute as Extract<Attribute, { type: Type }>;
}

export function intAttribute(node: Node, name: string): number | undefined {
  const attribute = attributeOf(node, name, 'int');
  return attribute && clampToSafe(attribute.value);
}

export function intsAttribute(node: Node, name: string): number[] | undefined {
  const attribute = attributeOf(node, name, 'ints');
  return attribute && Array.from(attribute.value, clampToSafe);
}

export function floatAttribute(node: Node, name: string): number | undefined {
  return attributeOf(node, name, 'float')?.value;
}

export function floatsAttribute(node: Node, name: string): number[] | undefined {
  const attribute = attributeOf(node, name, 'floats');
  return attribute && Array.from(attribute.value);
}

export function textAttribute(node: Node, name: string): string | undefined {
  const attribute = attributeOf(node, name, 'string');
  return attribute && decoder.decode(attribute.value);
}

export function tensorAttribute(node: Node, name: string): Constant | undefined {
  return attributeOf(node, name, 'tensor')?.value;
}

/** Every graph in a node's attributes, with the attribute's name. */
export function subgraphs(node: Node): { attribute: string; graph: Graph }[] {
  const found: { attribute: string; graph: Graph }[] = [];
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === 'graph') found.push({ attribute: name, graph: attribute.value });
    if (attribute.type === 'graphs')
      for (const graph of attribute.value) found.push({ attribute: name, graph });
  }
  return found;
}

/** What a caller writes for an attribute: a whole number or whole numbers, text, or a value with its ONNX type. */
export type AttributeInput = number | readonly number[] | string | Attribute;

/** Errors: INVALID_ARGUMENT for numbers that are no whole numbers; write `{ type: 'float', value }` for those. */
export function createAttributes(inputs: Record<string, AttributeInput>): Map<string, Attribute> {
  return new Map(Object.entries(inputs).map(([name, input]) => [name, attributeFrom(name, input)]));
}

function attributeFrom(name: string, input: AttributeInput): Attribute {
  if (typeof input === 'string') return { type: 'string', value: encoder.encode(input) };
  if (typeof input === 'number') return { type: 'int', value: wholeNumber(name, input) };
  if ('type' in input) return input;
  return { type: 'ints', value: BigInt64Array.from(input, (value) => wholeNumber(name, value)) };
}

function wholeNumber(name: string, value: number): bigint {
  if (!Number.isSafeInteger(value))
    throw new CoveyError('INVALID_ARGUMENT', `attribute "${name}" is not made of integers`);
  return BigInt(value);
}
