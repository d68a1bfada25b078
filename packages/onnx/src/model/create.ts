import { type AttributeInput, createAttributes } from './attributes.ts';
import type { Graph, Node, ValueInfo, ValueType } from './types.ts';

/** A node of ONNX's own operators unless `domain` says otherwise; called after its first output. */
export function createNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, AttributeInput> = {},
  domain = '',
): Node {
  return {
    name: outputs.find((output) => output !== '') ?? '',
    opType,
    domain,
    overload: '',
    inputs: [...inputs],
    outputs: [...outputs],
    attributes: createAttributes(attributes),
    docString: '',
    metadata: new Map(),
  };
}

export function createValueInfo(name: string, type?: ValueType): ValueInfo {
  return { name, ...(type && { type }), docString: '', metadata: new Map() };
}

export function createGraph(name: string): Graph {
  return {
    name,
    docString: '',
    nodes: [],
    initializers: new Map(),
    sparseInitializers: [],
    inputs: [],
    outputs: [],
    valueInfo: [],
    metadata: new Map(),
  };
}
