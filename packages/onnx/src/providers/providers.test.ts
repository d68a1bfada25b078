import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kernels } from '../generated/kernels.ts';
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
import { findOperator } from '../operators/index.ts';
import { placeNodes, summarizePlacement } from './index.ts';
import { findKernel } from './kernels.ts';

const { FLOAT, INT64, UINT8 } = elementTypes;

/** A model of the nodes given, from inputs of the element types given to its last output. */
function modelOf(inputs: Record<string, number>, nodes: Node[], version = 21): Model {
  const graph: Graph = {
    ...createGraph('g'),
    nodes,
    inputs: Object.entries(inputs).map(([name, elementType]) =>
      createValueInfo(name, { kind: 'tensor', elementType, shape: [2] }),
    ),
    outputs: [createValueInfo(nodes.at(-1)?.outputs[0] ?? '')],
  };
  return { ...createModel(graph), opsets: [{ domain: '', version }] };
}

const placesOf = (model: Model, provider: 'cpu' | 'webgpu') =>
  placeNodes(model, provider).map(({ runs, reason }) => ({ runs, reason }));

describe('placeNodes', () => {
  test('WebGPU runs what it has a kernel for, the CPU the rest', () => {
    const model = modelOf({ x: FLOAT, scale: FLOAT, zero: UINT8 }, [
      createNode('Relu', ['x'], ['r']),
      createNode('QuantizeLinear', ['r', 'scale', 'zero'], ['q']),
      createNode('DequantizeLinear', ['q', 'scale', 'zero'], ['y']),
    ]);
    const placements = placeNodes(model, 'webgpu');
    expect(placements.map(({ runs }) => runs)).toEqual(['webgpu', 'cpu', 'webgpu']);
    expect(placements[1]?.reason).toBe('WebGPU has no kernel for QuantizeLinear of ai.onnx 21');
    expect(summarizePlacement(model, placements)).toEqual({
      nodes: { cpu: 1, webgpu: 2, none: 0 },
      transfers: 2,
      elsewhere: [{ operator: 'QuantizeLinear', runs: 'cpu', count: 1, reason: placements[1]?.reason }],
    });
    expect(placesOf(model, 'cpu')).toEqual(Array(3).fill({ runs: 'cpu', reason: '' }));
  });

  test('the version decides: an operator declared anew has no kernel until the provider follows', () => {
    const sine = (version: number) => modelOf({ x: FLOAT }, [createNode('Sin', ['x'], ['y'])], version);
    expect(placesOf(sine(21), 'webgpu')).toEqual([{ runs: 'webgpu', reason: '' }]);
    expect(placesOf(sine(22), 'webgpu')).toEqual([
      { runs: 'cpu', reason: 'WebGPU has no kernel for Sin of ai.onnx 22' },
    ]);
    expect(placesOf(sine(27), 'cpu')[0]?.reason).toBe('ONNX Runtime knows ai.onnx up to version 26, not 27');
  });

  test('the type decides', () => {
    const sum = modelOf({ a: INT64, b: INT64 }, [createNode('Add', ['a', 'b'], ['y'])]);
    expect(placesOf(sum, 'webgpu')).toEqual([
      { runs: 'cpu', reason: 'WebGPU has no kernel for Add of ai.onnx 21 on tensor(int64) as "A"' },
    ]);
    const cosine = modelOf({ x: elementTypes.DOUBLE }, [createNode('Acos', ['x'], ['y'])]);
    expect(placesOf(cosine, 'cpu')).toEqual([
      { runs: 'none', reason: 'the CPU has no kernel for Acos of ai.onnx 21 on tensor(double) as "input"' },
    ]);
  });

  test('the CPU runs fp16 in fp32 where it has no kernel for it', () => {
    const sine = modelOf({ x: elementTypes.FLOAT16 }, [createNode('Sin', ['x'], ['y'])]);
    for (const provider of ['webgpu', 'cpu'] as const)
      expect(placesOf(sine, provider)).toEqual([{ runs: provider, reason: '' }]);
  });

  test('what nobody knows runs nowhere', () => {
    const model = modelOf({ x: FLOAT }, [createNode('Fancy', ['x'], ['y'], {}, 'com.example')]);
    expect(placesOf(model, 'webgpu')).toEqual([
      { runs: 'none', reason: 'Fancy of com.example 0 is not an operator that is known' },
    ]);
  });

  test('a function runs where the worst of its nodes does, and one that calls itself nowhere', () => {
    const fn = (name: string, body: Node) => ({
      name,
      domain: 'own',
      overload: '',
      inputs: ['a'],
      outputs: ['b'],
      attributeNames: [],
      attributeDefaults: new Map(),
      nodes: [createNode('Relu', ['a'], ['m']), body],
      opsets: [
        { domain: '', version: 21 },
        { domain: 'own', version: 1 },
      ],
      valueInfo: [],
      docString: '',
      metadata: new Map(),
    });
    const functions = [
      fn('fast', createNode('Sin', ['m'], ['b'])),
      fn('slow', createNode('Det', ['m'], ['b'])),
      fn('endless', createNode('endless', ['m'], ['b'], {}, 'own')),
    ];
    const calls = functions.map(({ name }) => createNode(name, ['x'], [`${name}_y`], {}, 'own'));
    const model = { ...modelOf({ x: FLOAT }, calls), functions };
    expect(placesOf(model, 'webgpu').map(({ runs }) => runs)).toEqual(['webgpu', 'cpu', 'none']);
  });
});

test('the table names operators as they are declared, with their type variables', () => {
  let count = 0;
  for (const [domain, lines] of Object.entries(kernels))
    for (const line of lines.trim().split('\n')) {
      const [opType = '', version] = line.split(' ');
      const operator = findOperator(domain, opType, Number(version));
      expect(operator?.sinceVersion, line).toBe(Number(version));
      if (operator === undefined) continue;
      const found = (['cpu', 'webgpu'] as const).map((provider) => findKernel(domain, operator, provider));
      for (const kernel of found)
        for (const [variable, types] of kernel ?? []) {
          const allowed = operator.typeVariables.get(variable);
          expect(
            [...types].filter((type) => !allowed?.has(type)),
            `${line}: ${variable}`,
          ).toEqual([]);
          expect(types.size, line).toBeGreaterThan(0);
        }
      expect(
        found.some((kernel) => kernel !== undefined),
        line,
      ).toBe(true);
      count++;
    }
  expect(count).toBeGreaterThan(600);
});

const folder = join('..', 'shared', 'data', 'models');
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.onnx')) : [];

test.skipIf(files.length === 0)(
  `every node of the real models runs somewhere${files.length ? '' : ' (skipped: ../shared/data is absent)'}`,
  () => {
    for (const name of files) {
      const model = readModel(readFileSync(join(folder, name)));
      expect(summarizePlacement(model, placeNodes(model, 'webgpu')).nodes.none, name).toBe(0);
      expect(summarizePlacement(model, placeNodes(model, 'cpu')).nodes.none, name).toBe(0);
    }
    const mnist = readModel(readFileSync(join(folder, 'mnist.onnx')));
    expect(summarizePlacement(mnist, placeNodes(mnist, 'webgpu'))).toMatchObject({
      transfers: 0,
      elsewhere: [],
    });
  },
);
