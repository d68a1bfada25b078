import { expect, test } from 'vitest';
import { type Attribute, createNode, type Model } from '../model/index.ts';
import { assertModel, checkModel, type FindingCode } from './index.ts';
import { call, functionOf, modelOf, spoiled, withFunctions } from './small-models.fixture.ts';

const reference: Attribute = { type: 'reference', value: 'alpha', attributeType: 1 };

const cases: Record<string, [Model, FindingCode, string]> = {
  'a version of the format that is missing': [
    spoiled((_, model) => Object.assign(model, { irVersion: 0 })),
    'ir-version',
    'names no IR version',
  ],
  'an operator set that cannot be': [
    spoiled((_, model) => Object.assign(model, { opsets: [{ domain: '', version: 0 }] })),
    'opset-unknown',
    'ai.onnx has no operator set 0',
  ],
  'an operator set imported twice': [
    spoiled((_, model) => model.opsets.push({ domain: 'ai.onnx', version: 20 })),
    'name-duplicate',
    'operator set of ai.onnx is imported twice',
  ],
  'a domain that is not imported': [
    modelOf(createNode('Gelu', ['x'], ['y'], {}, 'com.microsoft')),
    'opset-missing',
    'node "y" (Gelu) is of the domain com.microsoft',
  ],
  'a function whose domain is not imported': [
    {
      ...withFunctions([functionOf('f', [createNode('Neg', ['a'], ['b'])])], call('f', 'x', 'y')),
      opsets: [],
    },
    'opset-missing',
    'node "y" (f) is of the domain own',
  ],
  'a node without an operator': [
    modelOf(createNode('', ['x'], ['y'])),
    'name-missing',
    'node "y" () names no operator',
  ],
  'an operator that does not exist': [
    modelOf(createNode('Rellu', ['x'], ['y'])),
    'operator-unknown',
    'node "y" (Rellu): ai.onnx has no such operator in version 21',
  ],
  'an operator that came later': [
    modelOf(createNode('RMSNormalization', ['x', 'x'], ['y'])),
    'operator-unknown',
    'has that operator since version 23, the model uses 21',
  ],
  'an operator that was withdrawn': [
    modelOf(createNode('Upsample', ['x', 'x'], ['y'])),
    'operator-deprecated',
    'operator Upsample was withdrawn in version 10',
  ],
  'too many inputs': [
    modelOf(createNode('Relu', ['x', 'x'], ['y'])),
    'input-count',
    'node "y" (Relu) has 2 inputs, it takes 1',
  ],
  'too few inputs': [modelOf(createNode('Conv', ['x'], ['y'])), 'input-count', 'it takes 2 to 3'],
  'no input where at least one is needed': [
    modelOf(createNode('Concat', [], ['y'], { axis: 0 })),
    'input-count',
    'has 0 inputs, it takes at least 1',
  ],
  'an input left out that is not optional': [
    modelOf(createNode('Add', ['x', ''], ['y'])),
    'input-count',
    'lacks its input "B"',
  ],
  'too many outputs': [
    modelOf(createNode('Relu', ['x'], ['y', 'z'])),
    'output-count',
    'has 2 outputs, it takes 1',
  ],
  'an unknown attribute': [
    modelOf(createNode('Relu', ['x'], ['y'], { alpha: 1 })),
    'attribute-unknown',
    'attribute "alpha", which Relu does not have since version 14',
  ],
  'a missing attribute': [
    modelOf(createNode('Cast', ['x'], ['y'])),
    'attribute-missing',
    'node "y" (Cast) lacks the attribute "to"',
  ],
  'an attribute of another type': [
    modelOf(createNode('Cast', ['x'], ['y'], { to: 'FLOAT' })),
    'attribute-type',
    'attribute "to" as string, it must be int',
  ],
  'an attribute of a caller outside functions': [
    modelOf(createNode('Elu', ['x'], ['y'], { alpha: reference })),
    'attribute-reference',
    'stands in no function',
  ],
  'an attribute that the function does not declare': [
    withFunctions(
      [functionOf('f', [createNode('Elu', ['a'], ['b'], { alpha: reference })])],
      call('f', 'x', 'y'),
    ),
    'attribute-reference',
    'its function does not declare',
  ],
  'a function defined twice': [
    withFunctions(
      [
        functionOf('f', [createNode('Neg', ['a'], ['b'])]),
        functionOf('f', [createNode('Neg', ['a'], ['b'])]),
      ],
      call('f', 'x', 'y'),
    ),
    'name-duplicate',
    'the function own.f is defined twice',
  ],
  'a function that calls itself': [
    withFunctions(
      [functionOf('f', [call('g', 'a', 'b')]), functionOf('g', [call('f', 'a', 'b')])],
      call('f', 'x', 'y'),
    ),
    'function-invalid',
    'calls itself',
  ],
  'a function whose nodes are wrong': [
    withFunctions([functionOf('f', [createNode('Neg', ['nowhere'], ['b'])])], call('f', 'x', 'y')),
    'value-undefined',
    'takes "nowhere", which nothing defines',
  ],
  'a call with too many inputs': [
    withFunctions(
      [functionOf('f', [createNode('Neg', ['a'], ['b'])])],
      createNode('f', ['x', 'x'], ['y'], {}, 'own'),
    ),
    'input-count',
    'has 2 inputs, its function takes 1',
  ],
};

test.each(Object.entries(cases))('finds %s', (_, [model, code, message]) => {
  const errors = checkModel(model).filter(({ severity }) => severity === 'error');
  expect(errors).toContainEqual(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  expect(() => assertModel(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
});
