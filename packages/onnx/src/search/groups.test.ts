import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/index.ts';
import { quantizableNodes } from '../quantize/index.ts';
import { createChain, floats } from './chain.fixture.ts';
import { type Group, groupsOf, mergeGroups } from './groups.ts';

describe('groupsOf', () => {
  it('puts what only passes values on with the weights before it', () => {
    const builder = new GraphBuilder('convolutions');
    builder.input({ name: 'input', datatype: 'FP32', shape: [1, 2, 8, 8] });
    const conv = (value: string, name: string, inputs: number, group = 1) => {
      const count = (4 * inputs * 9) / group;
      const weight = floats([4, inputs / group, 3, 3], new Array<number>(count).fill(0.1));
      builder.initializer(`${name}_weight`, weight);
      return builder.node('Conv', [value, `${name}_weight`], name, { group, pads: [1, 1, 1, 1] });
    };
    builder.node('Relu', [conv('input', 'first', 2)], 'active');
    builder.node('MaxPool', ['active'], 'pooled', { kernel_shape: [2, 2], strides: [2, 2] });
    builder.node('Add', [conv('pooled', 'second', 4, 4), 'pooled'], 'sum');
    conv('sum', 'output', 4);
    builder.output({ name: 'output', datatype: 'FP32', shape: [1, 4, 4, 4] });
    const model = builder.build();
    const nodes = quantizableNodes(model);
    const groups = groupsOf(model, nodes);
    expect(groups.map(({ nodes: names, weightCount }) => [...names, weightCount])).toEqual([
      ['first', 'pooled', 72],
      ['second', 'sum', 36],
      ['output', 144],
    ]);
  });

  it('holds each node once', () => {
    const model = createChain({ layers: 6, width: 8 });
    const nodes = quantizableNodes(model);
    const names = groupsOf(model, nodes).flatMap((group) => group.nodes);
    expect(names).toEqual(nodes.map(({ name }) => name));
  });
});

describe('mergeGroups', () => {
  it('keeps all nodes, in order, in no more groups than asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 128 }), (count, most) => {
        const groups: Group[] = Array.from({ length: count }, (_, index) => ({
          name: `node${index}`,
          nodes: [`node${index}`],
          weightCount: index,
        }));
        const merged = mergeGroups(groups, most);
        expect(merged.length).toBeLessThanOrEqual(most);
        expect(merged.flatMap(({ nodes }) => nodes)).toEqual(groups.map(({ name }) => name));
        expect(merged.reduce((sum, { weightCount }) => sum + weightCount, 0)).toBe((count * (count - 1)) / 2);
      }),
    );
  });
});
