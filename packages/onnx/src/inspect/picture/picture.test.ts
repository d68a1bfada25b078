import { expect, test } from 'vitest';
import { createModel } from '../../graph/index.ts';
import { createGraph, createNode, createValueInfo, elementTypes, type Model } from '../../model/index.ts';
import { drawGraph } from './svg.ts';

/** A model of Add and Relu nodes: node i takes what `makers(i)` says, -1 is the input. */
function modelOf(count: number, makers: (index: number) => number[]): Model {
  const graph = createGraph('graph');
  const nameOf = (index: number) => (index < 0 ? 'x' : `v${index}`);
  graph.inputs = [
    createValueInfo('x', { kind: 'tensor', elementType: elementTypes.FLOAT, shape: ['batch', 4] }),
  ];
  graph.nodes = Array.from({ length: count }, (_, index) => {
    const inputs = makers(index).map(nameOf);
    return createNode(inputs.length === 1 ? 'Relu' : 'Sum', inputs, [nameOf(index)]);
  });
  graph.outputs = [createValueInfo(nameOf(count - 1))];
  return createModel(graph);
}

/** Boxes by their title with the rectangle drawn. */
function rectangles(svg: string): { x: number; y: number; width: number; height: number }[] {
  return [
    ...svg.matchAll(/<\/title><rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
  ].map((match) => {
    const [x = 0, y = 0, width = 0, height = 0] = match.slice(1).map(Number);
    return { x, y, width, height };
  });
}

const overlaps = (boxes: ReturnType<typeof rectangles>) =>
  boxes.filter((a, index) =>
    boxes
      .slice(index + 1)
      .some(
        (b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height,
      ),
  );

test('every node, input and output has a box of its own; none lie over each other, takers stand below makers', () => {
  const svg = drawGraph(
    modelOf(60, (index) =>
      index % 7 === 3 ? [index - 1, index - 3, -1] : [Math.max(-1, index - 1 - (index % 3))],
    ),
  );
  const boxes = rectangles(svg);
  expect(boxes).toHaveLength(62);
  expect(overlaps(boxes)).toEqual([]);
  for (const [, x = '', y = '', rest = ''] of svg.matchAll(/d="M([-\d.]+) ([\d.]+)([^"]*)"/g)) {
    const end = Number(rest.split(' ').at(-1));
    expect(Number.isNaN(Number(x))).toBe(false);
    expect(end).toBeGreaterThan(Number(y));
  }
});

test('what quantizes and what undoes it are of one family', () => {
  const model = modelOf(2, (index) => [index - 1]);
  model.graph.nodes = [
    createNode('QuantizeLinear', ['x', 's'], ['v0']),
    createNode('DequantizeLinear', ['v0', 's'], ['v1']),
  ];
  const families = [...drawGraph(model).matchAll(/<g class="box (\w+)"><title>/g)].map(
    ([, family]) => family,
  );
  expect(families.filter((family) => family === 'quantization')).toHaveLength(2);
});

test('two thousand nodes with long edges are drawn in bounded time', () => {
  const model = modelOf(2_000, (index) =>
    index % 2 === 0 ? [index - 1] : [index - 1, Math.floor(index / 3)],
  );
  const started = performance.now();
  const svg = drawGraph(model);
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(rectangles(svg)).toHaveLength(2_002);
});

test('names from the file are text, whatever is in them', () => {
  const model = modelOf(1, () => [-1]);
  const [node] = model.graph.nodes;
  if (node) node.name = '</text><script>alert("1")</script>\u0000\uD800 & co';
  model.graph.name = '<svg onload="x">';
  const svg = drawGraph(model);
  expect(svg).not.toMatch(/<script|<svg onload/);
  // Controls and lone surrogates are no characters of XML.
  expect([...svg].every((char) => char >= ' ' || char === '\n')).toBe(true);
  expect(svg.isWellFormed()).toBe(true);
  expect(svg).toContain('&lt;script&gt;');
});
