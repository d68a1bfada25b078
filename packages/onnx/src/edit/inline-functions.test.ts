import { describe, expect, it } from 'vitest';
import { type Attribute, createNode, type Model } from '../model/index.ts';
import { editedSame, modelOf, operatorsOf } from './edit.fixture.ts';
import { convertOpset, editModel, standardPasses } from './index.ts';

const io = { inputs: { x: [2, 3] }, outputs: { y: [2, 3] } };

describe('functions', () => {
  const fn = (name: string, nodes: ReturnType<typeof createNode>[]) => ({
    name,
    domain: 'own',
    overload: '',
    inputs: ['a'],
    outputs: ['c'],
    attributeNames: ['alpha'],
    attributeDefaults: new Map(),
    nodes,
    opsets: [
      { domain: '', version: 17 },
      { domain: 'own', version: 1 },
    ],
    valueInfo: [],
    docString: '',
    metadata: new Map(),
  });
  const model = modelOf({
    ...io,
    nodes: [
      createNode('Twice', ['x'], ['v'], { alpha: { type: 'float', value: 0.25 } }, 'own'),
      createNode('Twice', ['v'], ['y'], { alpha: { type: 'float', value: 0.75 } }, 'own'),
    ],
  });
  const withFunctions = (...functions: Model['functions']): Model => ({
    ...model,
    opsets: [...model.opsets, { domain: 'own', version: 1 }],
    functions,
  });
  const alpha: Attribute = { type: 'reference', value: 'alpha', attributeType: 1 };
  const once = fn('Once', [createNode('LeakyRelu', ['a'], ['c'], { alpha })]);
  const twice = fn('Twice', [
    createNode('Once', ['a'], ['b'], { alpha }, 'own'),
    createNode('Neg', ['b'], ['n']),
    createNode('Once', ['n'], ['c'], { alpha }, 'own'),
  ]);

  it('are put where they are called, functions in functions too', async () => {
    const edited = await editedSame(withFunctions(once, twice), standardPasses);
    expect(operatorsOf(edited)).toEqual(['LeakyRelu', 'Neg', 'LeakyRelu', 'LeakyRelu', 'Neg', 'LeakyRelu']);
    expect(edited.functions).toEqual([]);
  });

  it('are refused where they call themselves', async () => {
    const endless = fn('Twice', [createNode('Twice', ['a'], ['c'], {}, 'own')]);
    await expect(editModel(withFunctions(endless), standardPasses)).rejects.toThrow('calls itself');
  });

  it('are refused where they make too much of the model', async () => {
    const doubling = Array.from({ length: 40 }, (_, level) =>
      fn(level === 0 ? 'Twice' : `Level${level}`, [
        createNode(`Level${level + 1}`, ['a'], ['b'], {}, 'own'),
        createNode(`Level${level + 1}`, ['b'], ['c'], {}, 'own'),
      ]),
    );
    await expect(editModel(withFunctions(...doubling), standardPasses)).rejects.toThrow(
      'more than 200000 nodes',
    );
  });

  it('keep a model from another opset until they are gone', async () => {
    await expect(editModel(withFunctions(once, twice), [convertOpset(18)])).rejects.toThrow(
      'inline them first',
    );
    const edited = await editedSame(withFunctions(once, twice), [...standardPasses, convertOpset(18)]);
    expect(edited.opsets[0]?.version).toBe(18);
  });
});
