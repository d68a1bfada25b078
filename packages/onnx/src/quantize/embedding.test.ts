import type { Tensor } from '@covey/protocol';
import { describe, expect, test } from 'vitest';
import { answersOf, floats, modelOf, operatorsOf, waves } from '../edit/edit.fixture.ts';
import {
  createNode,
  createValueInfo,
  elementTypes,
  type Model,
  type Node,
  numbersOf,
} from '../model/index.ts';
import { quantizeDynamic } from './dynamic.ts';
import { quantizeWeights } from './weight-only.ts';

const keep = new Set<string>();
const modes: Record<string, (model: Model, kept?: Set<string>) => Model> = {
  dynamic: (model, kept = keep) => quantizeDynamic(model, { weights: 'int8', perChannel: true, keep: kept }),
  'weight-only': (model, kept = keep) =>
    quantizeWeights(model, { bits: 4, blockSize: 16, form: 'blocked', symmetric: true, keep: kept }),
};
const [rows, columns] = [40, 12];

function embedding(nodes: readonly Node[], shape: number[] = [2, 3]): Model {
  const model = modelOf({
    inputs: {},
    outputs: Object.fromEntries(nodes.map(({ outputs }) => [outputs[0] ?? '', [null, null, null]])),
    constants: [waves('table', [rows, columns])],
    nodes,
  });
  model.graph.inputs.push(createValueInfo('i', { kind: 'tensor', elementType: elementTypes.INT64, shape }));
  return model;
}

function indices(numbers: readonly number[], shape: number[]): Tensor {
  return { datatype: 'INT64', shape, data: new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer) };
}

describe.each(Object.entries(modes))('an embedding, %s', (_, quantize) => {
  test('gives the rows that were asked for, each within half a step of its own', async () => {
    const model = embedding([createNode('Gather', ['table', 'i'], ['y'])]);
    const variant = quantize(model);
    expect(variant.graph.initializers.get('table_q')).toMatchObject({
      dims: [rows, columns],
      elementType: elementTypes.INT8,
    });
    expect(variant.graph.initializers.has('table')).toBe(false);
    const asked = [0, 39, -1, 7, 7, -40];
    const { y } = await answersOf(variant, { i: indices(asked, [2, 3]) });
    expect(y?.shape).toEqual([2, 3, columns]);
    const table = numbersOf(waves('table', [rows, columns]));
    const given = y ? floats(y) : [];
    for (const [at, index] of asked.entries()) {
      const start = ((index + rows) % rows) * columns;
      const row = table.slice(start, start + columns);
      const halfStep = Math.max(...row.map(Math.abs)) / 127 / 2;
      for (const [column, value] of row.entries())
        expect(Math.abs((given[at * columns + column] ?? Number.NaN) - value)).toBeLessThanOrEqual(
          halfStep * 1.001,
        );
    }
  });

  test('nodes that pick from one table share its integers', () => {
    const pick = (output: string) => createNode('Gather', ['table', 'i'], [output]);
    const variant = quantize(embedding([pick('y'), pick('z')]));
    expect([...variant.graph.initializers.keys()]).toEqual(['table_q', 'table_scale']);
  });

  test('columns, small tables and nodes that are kept stay', () => {
    const byColumn = embedding([createNode('Gather', ['table', 'i'], ['y'], { axis: 1 })]);
    expect(operatorsOf(quantize(byColumn))).toEqual(['Gather']);
    const kept = embedding([createNode('Gather', ['table', 'i'], ['y'])]);
    expect(operatorsOf(quantize(kept, new Set(['y'])))).toEqual(['Gather']);
    const small = embedding([createNode('Gather', ['table', 'i'], ['y'])]);
    small.graph.initializers.set('table', waves('table', [5, 3]));
    expect(operatorsOf(quantize(small))).toEqual(['Gather']);
  });
});
