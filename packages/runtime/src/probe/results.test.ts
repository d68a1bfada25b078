import { CoveyError } from '@covey/protocol';
import { expect, test } from 'vitest';
import { loadedModel, schemaOf } from '../models.fixture.ts';
import type { Entry } from './competition.ts';
import { resultsOf } from './results.ts';

const { ref, schema } = loadedModel('', schemaOf('FP32', [1]));
const check = { maxError: 0.01, memoryBytes: 1e6, latencyMs: 1 };

function entry(
  variant: string,
  provider: 'cpu' | 'webgpu',
  threads: number,
  heats: Record<number, number[]>,
): Entry {
  const spec = { ...{ path: '', schema, tolerances: [], provider, threads }, goldenPath: undefined };
  const rounds = Object.entries(heats).map(([heat, values]): [number, number[]] => [Number(heat), values]);
  return { variant, spec, check, failure: null, heats: new Map(rounds) };
}

const reasonsOf = (entries: Entry[], chosen: Entry | null, missing = {}) =>
  resultsOf(ref, entries, chosen, missing).map(({ reason }) => reason);

test('the choice is put in words: against where everybody starts from, and against the other provider', () => {
  const first = entry('fp32', 'cpu', 1, { 0: [10, 11, 12, 10] });
  const chosen = entry('int8-qdq', 'cpu', 2, { 0: [4.1, 4.5, 4.9, 4.1], 1: [4, 4, 4, 4] });
  const onGpu = entry('fp32', 'webgpu', 1, { 1: [12.4, 12.4, 12.4, 12.4] });
  onGpu.placement = [
    { provider: 'webgpu', nodes: 60, operators: { Conv: 60 } },
    { provider: 'cpu', nodes: 4, operators: { QuantizeLinear: 3, TopK: 1 } },
  ];
  expect(reasonsOf([first, chosen, onGpu], chosen)).toEqual([
    expect.stringMatching(/^2\.4\d times the latency of the chosen \(2\.\d+ to 2\.\d+\)$/),
    'int8-qdq on cpu, 2 threads: 0.41 of the latency of fp32 on cpu, 1 thread; webgpu was 3.10 times as slow',
    expect.stringMatching(/^3\.10 times .*; 4 of its 64 nodes ran on the CPU \(QuantizeLinear, TopK\)$/),
  ]);
});

test('a provider that is missing, or did not do, is named with why', () => {
  const chosen = entry('fp32', 'cpu', 1, { 0: [1, 1, 1, 1] });
  expect(reasonsOf([chosen], chosen, { webgpu: 'no adapter' })).toEqual([
    'fp32 on cpu, 1 thread: the fastest; webgpu does not work here: no adapter',
  ]);
  const crashed = { ...entry('fp32', 'webgpu', 1, {}), check: null };
  crashed.failure = new CoveyError('RUNTIME_DIED', 'its process ended by SIGSEGV');
  expect(reasonsOf([chosen, crashed], chosen)).toEqual([
    'fp32 on cpu, 1 thread: the fastest; webgpu did not do: its process ended by SIGSEGV',
    'RUNTIME_DIED: its process ended by SIGSEGV',
  ]);
});

test('what cannot be told apart is called as fast; medians stand in where two never met', () => {
  const chosen = entry('a', 'cpu', 1, { 1: [2, 2, 2, 2] });
  const alike = entry('b', 'cpu', 2, { 1: [2.1, 1.9, 2.1, 1.9] });
  const apart = entry('c', 'cpu', 1, { 0: [4, 4, 5] });
  const [, same, other] = reasonsOf([chosen, alike, apart], chosen);
  expect(same).toMatch(/: as fast, within what was measured$/);
  expect(other).toBe('2.00 times the latency of the chosen');
});

test('the interval of the median holds it, and its ends are latencies', () => {
  const values = Array.from({ length: 20 }, (_, index) => index + 1);
  const [many, few] = resultsOf(
    ref,
    [entry('a', 'cpu', 1, { 0: values }), entry('b', 'cpu', 1, { 0: [3, 1, 2] })],
    null,
  );
  // Table of binomial intervals: of 20, the 6th to the 15th hold the median with 95.9 %.
  expect(many).toMatchObject({ latencyMs: 10.5, latencyIntervalMs: [6, 15] });
  expect(few).toMatchObject({ latencyMs: 2, latencyIntervalMs: [1, 3] });
});
