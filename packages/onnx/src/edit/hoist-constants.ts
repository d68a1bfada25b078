import {
  type Attribute,
  type Constant,
  createConstant,
  elementTypes,
  type Graph,
  type Node,
} from '../model/index.ts';
import type { Pass } from './pass.ts';
import { isOnnx, scopesOf } from './scope.ts';

/** Makes initializers of Constant nodes; sparse ones stay. */
export const hoistConstants: Pass = {
  name: 'hoist-constants',
  summary: 'makes initializers of Constant nodes',
  apply(model) {
    let changes = 0;
    for (const { graph } of scopesOf(model)) {
      const before = graph.nodes.length;
      graph.nodes = graph.nodes.filter((node) => !hoist(graph, node));
      changes += before - graph.nodes.length;
    }
    return changes;
  },
};

function hoist(graph: Graph, node: Node): boolean {
  const name = node.outputs[0];
  const [entry] = node.attributes;
  if (!isOnnx(node, 'Constant') || name === undefined || node.attributes.size !== 1 || entry === undefined)
    return false;
  const constant = constantOf(name, entry[1]);
  if (constant !== undefined) graph.initializers.set(name, constant);
  return constant !== undefined;
}

function constantOf(name: string, attribute: Attribute): Constant | undefined {
  switch (attribute.type) {
    case 'tensor':
      return { ...attribute.value, name };
    case 'float':
      return createConstant(name, elementTypes.FLOAT, [], Float32Array.of(attribute.value));
    case 'floats':
      return createConstant(name, elementTypes.FLOAT, [attribute.value.length], attribute.value);
    case 'int':
      return createConstant(name, elementTypes.INT64, [], BigInt64Array.of(attribute.value));
    case 'ints':
      return createConstant(name, elementTypes.INT64, [attribute.value.length], attribute.value);
    case 'string':
      return stringsConstant(name, [], [attribute.value]);
    case 'strings':
      return stringsConstant(name, [attribute.value.length], attribute.value);
    default:
      return undefined;
  }
}

function stringsConstant(name: string, dims: number[], strings: Uint8Array[]): Constant {
  const data = { kind: 'strings' as const, strings };
  return { name, elementType: elementTypes.STRING, dims, data, docString: '', metadata: new Map() };
}
