import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createModel } from '../graph/index.ts';
import {
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  type Node,
  readModel,
} from '../model/index.ts';
import { assertModel, checkModel, sortNodes } from './index.ts';

const count = 100_000;
/** Far above what it takes, far below what anything quadratic in `count` would. */
const timeoutMs = 20_000;

function modelOf(nodes: Node[], output: string): Model {
  const graph: Graph = {
    ...createGraph('g'),
    nodes,
    inputs: [createValueInfo('v0', { kind: 'tensor', elementType: elementTypes.FLOAT })],
    outputs: [createValueInfo(output, { kind: 'tensor', elementType: elementTypes.FLOAT })],
  };
  return createModel(graph);
}

const chain = () =>
  Array.from({ length: count }, (_, index) => createNode('Neg', [`v${index}`], [`v${index + 1}`]));

describe('hostile models take bounded time and memory', () => {
  test('a long chain, in order and backwards', { timeout: timeoutMs }, () => {
    const model = modelOf(chain(), `v${count}`);
    expect(checkModel(model)).toEqual([]);
    model.graph.nodes.reverse();
    const findings = checkModel(model);
    expect(findings.length).toBe(1001);
    expect(findings[0]?.code).toBe('order');
    expect(findings.at(-1)?.code).toBe('too-many');
    sortNodes(model.graph);
    expect(checkModel(model)).toEqual([]);
  });

  test('a ring', { timeout: timeoutMs }, () => {
    const nodes = chain();
    nodes[0]?.inputs.splice(0, 1, `v${count}`);
    const model = modelOf(nodes, 'v1');
    expect(checkModel(model).map(({ code }) => code)).toEqual(['cycle']);
    expect(() => sortNodes(model.graph)).toThrow('in a ring');
  });

  test('subgraphs a hundred deep and deeper', () => {
    const nested = (depth: number): Graph => {
      let graph: Graph = { ...createGraph('g'), nodes: [createNode('Neg', ['v0'], ['y'])] };
      for (let level = 0; level < depth; level++)
        graph = {
          ...createGraph('g'),
          nodes: [createNode('If', ['v0'], ['y'], { then_branch: { type: 'graph', value: graph } })],
        };
      return graph;
    };
    for (const depth of [100, 100_000]) {
      const { nodes } = nested(depth);
      expect(checkModel(modelOf(nodes, 'y')).map(({ code }) => code)).toEqual(['too-deep']);
    }
  });

  test('functions that double at every call', () => {
    const functions = Array.from({ length: 60 }, (_, index) => ({
      name: `f${index}`,
      domain: 'own',
      overload: '',
      inputs: ['a'],
      outputs: ['b'],
      attributeNames: [],
      attributeDefaults: new Map(),
      nodes: [
        createNode(`f${index + 1}`, ['a'], ['m'], {}, index < 59 ? 'own' : ''),
        createNode(`f${index + 1}`, ['m'], ['b'], {}, index < 59 ? 'own' : ''),
      ],
      opsets: [
        { domain: '', version: 21 },
        { domain: 'own', version: 1 },
      ],
      valueInfo: [],
      docString: '',
      metadata: new Map(),
    }));
    const model = modelOf([createNode('f0', ['v0'], ['y'], {}, 'own')], 'y');
    model.opsets.push({ domain: 'own', version: 1 });
    expect(checkModel({ ...model, functions }).map(({ code }) => code)).toContain('function-invalid');
  });

  test('warnings without number hide no error and are none', () => {
    const model = modelOf([createNode('Neg', ['v0'], ['y'])], 'y');
    for (let index = 0; index < 2000; index++) model.opsets.push({ domain: `own.${index}`, version: 1 });
    expect(checkModel(model).length).toBe(1001);
    expect(() => assertModel(model)).not.toThrow();
    model.graph.nodes.push(createNode('Neg', ['nowhere'], ['z']));
    expect(() => assertModel(model)).toThrow('takes "nowhere", which nothing defines');
  });

  test('names of a megabyte are cut short in messages', () => {
    const name = 'n'.repeat(1_000_000);
    const [finding] = checkModel(modelOf([createNode('Neg', [name], ['y'])], 'y'));
    expect(finding?.message.length).toBeLessThan(1000);
  });
});

test('sortNodes brings any shuffled graph into an order that checkModel accepts, and keeps a good order', () => {
  const graphs = fc.nat({ max: 40 }).chain((size) =>
    fc.record({
      inputs: fc.tuple(
        ...Array.from({ length: size }, (_, index) => fc.array(fc.nat({ max: index }), { maxLength: 3 })),
      ),
      seed: fc.infiniteStream(fc.nat()),
    }),
  );
  fc.assert(
    fc.property(graphs, ({ inputs, seed }) => {
      const nodes = inputs.map((taken, index) =>
        createNode('Sum', ['v0', ...taken.map((earlier) => `v${earlier}`)], [`v${index + 1}`]),
      );
      const model = modelOf([...nodes], 'v0');
      sortNodes(model.graph);
      expect(model.graph.nodes).toEqual(nodes);
      const keys = new Map(nodes.map((node) => [node, seed.next().value]));
      model.graph.nodes.sort((a, b) => Number(keys.get(a)) - Number(keys.get(b)));
      sortNodes(model.graph);
      expect(checkModel(model)).toEqual([]);
      expect(new Set(model.graph.nodes)).toEqual(new Set(nodes));
    }),
  );
});

const folder = join('..', 'shared', 'data', 'models');
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.onnx')) : [];

test.skipIf(files.length === 0)(
  `real models have no errors${files.length ? '' : ' (skipped: ../shared/data is absent)'}`,
  () => {
    for (const name of files) {
      const findings = checkModel(readModel(readFileSync(join(folder, name))));
      expect(
        findings.filter(({ severity }) => severity === 'error'),
        name,
      ).toEqual([]);
    }
  },
);
