import { elementTypes, type Node } from '../model/index.ts';
import { inferShapes } from '../shapes/index.ts';
import type { Pass } from './pass.ts';

/**
 * Makes outputs of ZipMap, a map from class to probability for each row, the tensor [rows, classes] that they were made
 * of. They keep their names; the classes, as a JSON list in the order of the columns, go into the model's metadata under
 * `classes:` and the name of the output.
 */
export const removeZipMap: Pass = {
  name: 'remove-zip-map',
  summary: 'makes maps from class to probability the tensors they were made of',
  apply(model) {
    const { graph } = model;
    const types = graph.nodes.some(isZipMap) ? inferShapes(model) : new Map();
    let changes = 0;
    for (const node of graph.nodes) {
      const output = graph.outputs.find(({ name }) => name === node.outputs[0]);
      const isTaken = graph.nodes.some(({ inputs }) => inputs.includes(node.outputs[0] ?? ''));
      if (!isZipMap(node) || output === undefined || isTaken) continue;
      const classes = classesOf(node);
      model.metadata.set(`classes:${output.name}`, JSON.stringify(classes));
      const shape = types.get(node.inputs[0] ?? '')?.shape ?? [null, classes.length];
      output.type = { kind: 'tensor', elementType: elementTypes.FLOAT, shape };
      Object.assign(node, { opType: 'Identity', domain: '', attributes: new Map() });
      changes += 1;
    }
    return changes;
  },
};

function isZipMap({ domain, opType }: Node): boolean {
  return domain === 'ai.onnx.ml' && opType === 'ZipMap';
}

function classesOf({ attributes }: Node): (string | number)[] {
  const numbers = attributes.get('classlabels_int64s');
  if (numbers?.type === 'ints') return Array.from(numbers.value, Number);
  const texts = attributes.get('classlabels_strings');
  return texts?.type === 'strings' ? texts.value.map((text) => new TextDecoder().decode(text)) : [];
}
