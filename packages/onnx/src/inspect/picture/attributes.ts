import { type Attribute, elementTypeName, type Node, subgraphs } from '../../model/index.ts';

/** Attributes worth a place in the picture, by the word they get there. */
const shown: readonly (readonly [name: string, word: string])[] = [
  ['kernel_shape', 'kernel'],
  ['strides', 'stride'],
  ['dilations', 'dilation'],
  ['pads', 'pads'],
  ['auto_pad', 'pads'],
  ['group', 'groups'],
  ['axis', 'axis'],
  ['axes', 'axes'],
  ['perm', 'order'],
  ['keepdims', 'keepdims'],
  ['transA', 'transA'],
  ['transB', 'transB'],
  ['to', 'to'],
  ['hidden_size', 'hidden'],
  ['direction', 'direction'],
  ['mode', 'mode'],
  ['blocksize', 'block'],
  ['block_size', 'block'],
  ['bits', 'bits'],
  ['alpha', 'alpha'],
];

/** What most nodes have and nobody needs to read. */
const usual = /^(stride 1(×1)*|dilation 1(×1)*|pads 0(,0)?|pads NOTSET|groups 1)$/;

const maxNumbers = 8;

/** `kernel 3×3, stride 2×2, pads 1,1,1,1`; of a node with subgraphs how many nodes each has. */
export function attributesText(node: Node): string {
  const parts = shown.flatMap(([name, word]) => {
    const attribute = node.attributes.get(name);
    if (name === 'to' && attribute?.type === 'int') return [`to ${elementTypeName(Number(attribute.value))}`];
    const text = attribute && valueText(attribute, /^(kernel|stride|dilation)$/.test(word) ? '×' : ',');
    return text === undefined ? [] : [`${word} ${text}`];
  });
  const inner = subgraphs(node).map(
    ({ attribute, graph }) => `${attribute.replace('_branch', '')}: ${graph.nodes.length} nodes`,
  );
  return [...parts.filter((part) => !usual.test(part)), ...inner].join(', ');
}

function valueText(attribute: Attribute, separator: string): string | undefined {
  switch (attribute.type) {
    case 'int':
      return String(attribute.value);
    case 'float':
      return String(Number(attribute.value.toPrecision(4)));
    case 'ints': {
      if (separator === ',' && attribute.value.length > 2 && new Set(attribute.value).size === 1)
        return String(attribute.value[0]);
      const numbers = [...attribute.value.slice(0, maxNumbers)].join(separator);
      return attribute.value.length > maxNumbers ? `${numbers}...` : numbers;
    }
    case 'string':
      return new TextDecoder().decode(attribute.value.subarray(0, 40));
    default:
      return undefined;
  }
}
