import { describe, expect, test } from 'vitest';
import { fp32, modelOf, waves } from '../edit/edit.fixture.ts';
import { ortExecution } from '../execution.fixture.ts';
import { createNode, createValueInfo, type Model } from '../model/index.ts';
import { calibrate } from './calibrate.ts';
import { groupsOf, type Sample } from './observed.ts';

const execution = ortExecution();

/** y = 2 * relu(x) as a product with a diagonal of twos. */
function doubling(): Model {
  const twos = waves('w', [2, 2]);
  twos.data = { kind: 'raw', bytes: new Uint8Array(Float32Array.of(2, 0, 0, 2).buffer) };
  return modelOf({
    inputs: { x: [1, 2] },
    outputs: { y: [1, 2] },
    constants: [twos],
    nodes: [
      createNode('MatMul', ['x', 'w'], ['m']),
      createNode('Relu', ['m'], ['r']),
      createNode('MatMul', ['r', 'w'], ['y']),
    ],
  });
}
const sampleOf = (...numbers: number[]): Sample => ({ x: fp32([1, 2], numbers) });

describe('calibrate', () => {
  test('minmax is what values took, over all samples, which may be a stream', async () => {
    async function* samples() {
      yield sampleOf(1, -3);
      yield sampleOf(5, 0);
    }
    const seen: number[] = [];
    const onProgress = (count: number) => seen.push(count);
    const ranges = await calibrate(doubling(), execution, samples(), { method: 'minmax', onProgress });
    expect(ranges.get('x')).toEqual({ min: -3, max: 5 });
    expect(ranges.get('r')).toEqual({ min: 0, max: 10 });
    expect(seen).toEqual([1, 2]);
  });

  test('entropy and percentile stay within it', async () => {
    const samples = Array.from({ length: 100 }, (_, i) => sampleOf(Math.sin(i), i === 7 ? 20 : Math.cos(i)));
    for (const method of [
      { method: 'entropy', bins: 1024 },
      { method: 'percentile', percentile: 95, bins: 1024 },
    ] as const) {
      const range = (await calibrate(doubling(), execution, samples, method)).get('x');
      expect(range?.min).toBeGreaterThanOrEqual(-1);
      expect(range?.max).toBeLessThan(20);
    }
  });

  test('minmax is the range of the elements themselves, of empty values and at old opsets too', async () => {
    const options = { method: 'percentile', percentile: 100, bins: 128 } as const;
    for (const opset of [7, 13, 18]) {
      const model = { ...doubling(), opsets: [{ domain: '', version: opset }] };
      model.graph.inputs = [createValueInfo('x', { kind: 'tensor', elementType: 1, shape: ['rows', 2] })];
      model.graph.outputs = [createValueInfo('y', { kind: 'tensor', elementType: 1, shape: ['rows', 2] })];
      const samples = [
        { x: fp32([0, 2], []) },
        { x: fp32([3, 2], [0.1, -7, 2.5, 4, 1e-8, 0.25]) },
        sampleOf(-1, 0.3),
      ];
      const ranges = await calibrate(model, execution, samples, { method: 'minmax' });
      expect(ranges.get('r')).toEqual({ min: 0, max: 8 });
      expect(ranges).toEqual(await calibrate(model, execution, samples, options));
    }
  });

  test('NaN and infinity inside of the model are found, though its least and greatest pass over NaN', async () => {
    const model = modelOf({
      inputs: { x: [1, 2] },
      outputs: { y: [1, 2] },
      constants: [waves('w', [2, 2])],
      nodes: [createNode('Log', ['x'], ['l']), createNode('MatMul', ['l', 'w'], ['y'])],
    });
    const options = { method: 'minmax' } as const;
    const broken = /"l" in sample 0 is NaN or infinite/;
    for (const least of [-1, 0])
      await expect(calibrate(model, execution, [sampleOf(2, least)], options)).rejects.toThrow(broken);
    expect((await calibrate(model, execution, [sampleOf(2, 1)], options)).get('l')?.min).toBe(0);
  });

  test('NaN is refused with the value and the sample, and so are no samples and absurd options', async () => {
    const options = { method: 'minmax' } as const;
    await expect(
      calibrate(doubling(), execution, [sampleOf(1, 1), sampleOf(Number.NaN, 0)], options),
    ).rejects.toThrow(/"x" in sample 1 is NaN or infinite/);
    await expect(calibrate(doubling(), execution, [sampleOf(3e38, 0)], options)).rejects.toThrow(
      /"r" in sample 0/,
    );
    await expect(calibrate(doubling(), execution, [], options)).rejects.toThrow(/at least one sample/);
    await expect(calibrate(doubling(), execution, [], { method: 'entropy', bins: 3 })).rejects.toThrow(
      /3 bins/,
    );
  });
});

test('values are watched in groups that fit into memory, a large one alone', () => {
  const mebi = 1024 * 1024;
  expect(groupsOf(['a', 'b', 'c', 'd'], [8 * mebi, 8 * mebi, 1, 40 * mebi])).toEqual([
    ['a', 'b'],
    ['c'],
    ['d'],
  ]);
});
