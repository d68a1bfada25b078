import { describe, expect, test } from 'vitest';
import { type Attribute, createConstant, createNode, createValueInfo } from '../model/index.ts';
import { assertModel, checkModel } from './index.ts';
import {
  branch,
  choice,
  FLOAT,
  functionOf,
  modelOf,
  spoiled,
  withFunctions,
} from './small-models.fixture.ts';

const reference: Attribute = { type: 'reference', value: 'alpha', attributeType: 1 };

describe('a sound model', () => {
  test('has no findings', () => {
    expect(checkModel(modelOf(createNode('Relu', ['x'], ['y'])))).toEqual([]);
    expect(checkModel(choice(branch('x', 't'), branch('x', 'e')))).toEqual([]);
    const fn = functionOf('f', [createNode('Elu', ['a'], ['b'], { alpha: reference })]);
    fn.attributeNames.push('alpha');
    const node = createNode('f', ['x'], ['y'], { alpha: { type: 'float', value: 2 } }, 'own');
    expect(checkModel(withFunctions([fn], node))).toEqual([]);
  });

  test('is warned of what is lawful and yet in the way', () => {
    const model = modelOf(createNode('Neg', ['x'], ['z']), createNode('Relu', ['z'], ['y']));
    for (const node of model.graph.nodes) node.name = 'same';
    model.graph.initializers.set('x', createConstant('x', FLOAT, [2], Float32Array.of(1, 2)));
    model.opsets.push({ domain: 'com.example', version: 1 });
    model.graph.outputs.push(createValueInfo('z'));
    const findings = checkModel(model);
    expect(findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning domain-unknown',
      'warning initializer-input',
      'warning name-duplicate',
      'warning type-missing',
    ]);
    expect(() => assertModel(model)).not.toThrow();
  });

  test('of a newer operator set is checked as far as it is known', () => {
    const model = modelOf(createNode('Relu', ['x'], ['z']), createNode('Newest', ['z'], ['y']));
    Object.assign(model, { opsets: [{ domain: '', version: 99 }] });
    expect(checkModel(model).map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning opset-unknown',
      'warning operator-unknown',
    ]);
  });
});

test.each([
  ['../outside', false],
  ['a/../../b', false],
  ['/etc/passwd', false],
  ['\\share\\x', false],
  ['C:\\x', false],
  ['', false],
  ['weights.bin', true],
  ['folder/weights..bin', true],
])('external data at "%s" is inside the folder: %s', (location, isInside) => {
  const model = spoiled((graph) =>
    graph.initializers.set('w', {
      ...createConstant('w', FLOAT, [0], new Float32Array()),
      data: { kind: 'external', location, offsetBytes: 0, entries: new Map() },
    }),
  );
  expect(checkModel(model).map(({ code }) => code)).toEqual(isInside ? [] : ['external-path']);
});

test('assertModel counts the other errors and names the subgraph', () => {
  const model = choice(branch('nowhere', 't'), branch('elsewhere', 'e'));
  expect(() => assertModel(model)).toThrow(
    'node "t" (Neg) takes "nowhere", which nothing defines (in main/y.then_branch), and 1 more error',
  );
});
