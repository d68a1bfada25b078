import { expect, test } from 'vitest';
import { createGraph, createNode, createValueInfo, type Graph } from '../model/index.ts';
import { editedSame, modelOf, operatorsOf, waves } from './edit.fixture.ts';
import { standardPasses } from './index.ts';

test('takes the branches inside a branch, however deep', async () => {
  const around = (depth: number, name: string): Graph => {
    const inner = `inner_${depth}`;
    const branches = (['then_branch', 'else_branch'] as const).map((branch) => {
      const value = depth === 0 ? createGraph('leaf') : around(depth - 1, `${branch}_${depth}`);
      return [branch, { type: 'graph', value }] as const;
    });
    const leaf = createNode('Relu', ['x'], [inner]);
    const choice = createNode('If', ['condition'], [inner], Object.fromEntries(branches));
    return {
      ...createGraph('around'),
      nodes: [depth === 0 ? leaf : choice, createNode('Neg', [inner], [name])],
      outputs: [createValueInfo(name)],
    };
  };
  const model = modelOf({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3] },
    constants: [waves('a', [1]), waves('b', [1], 1)],
    nodes: [createNode('Greater', ['a', 'b'], ['condition']), ...around(3, 'y').nodes],
  });
  expect(operatorsOf(await editedSame(model, standardPasses))).toEqual(['Relu', 'Neg', 'Neg', 'Neg', 'Neg']);
});
