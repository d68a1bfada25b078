import { simulatedWorld } from '@covey/ports/simulated';
import { standardDeviation } from '@covey/stats';
import { expect, test } from 'vitest';
import { loadedModel, schemaOf } from '../models.fixture.ts';
import { InstanceSummary } from './summaries.ts';

const tensor = (value: number) => ({
  datatype: 'FP32' as const,
  shape: [1, 1],
  data: new Uint8Array(new Float32Array([value]).buffer),
});

/** Every look at the clock takes 1 ms: a summarized request costs that, counted and not timed. */
function ticking() {
  const { clock } = simulatedWorld(1);
  let nowMs = 0;
  return { ...clock, now: () => 1_000, monotonicMs: () => ++nowMs };
}

test('a summary of a sample says of how many, and means the same', () => {
  const model = loadedModel('/m.onnx', schemaOf('FP32', [-1, 1]));
  let state = 1;
  // MINSTD: the same numbers in every run.
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const summary = new InstanceSummary({ model, reference: undefined }, ticking(), random);
  for (let i = 0; i < 20_000; i++) {
    summary.offer({ x: tensor(i % 100) }, { y: tensor(i % 7) }, 0.02)?.();
  }
  const taken = summary.take();
  expect(taken?.answeredInferences).toBe(20_000);
  const sampled = taken?.inferences ?? 0;
  expect(sampled).toBeGreaterThan(100);
  expect(sampled).toBeLessThan(1_000);
  const moments = taken?.tensors[0]?.moments;
  expect(moments?.count).toBe(sampled);
  // Of 0 to 99, the standard deviation is 28.9: the mean of the sample is within five standard errors.
  expect(Math.abs((moments?.mean ?? 0) - 49.5)).toBeLessThan((5 * 28.9) / Math.sqrt(sampled));
  expect(moments && standardDeviation(moments)).toBeCloseTo(28.9, -1);
  expect(summary.take()).toBeUndefined();
});

test('a window of one costly request has its summary', () => {
  const model = loadedModel('/m.onnx', schemaOf('FP32', [-1, 1]));
  const slow = ticking();
  let nowMs = 0;
  const monotonicMs = () => {
    nowMs += 500;
    return nowMs;
  };
  const clock = { ...slow, monotonicMs };
  const summary = new InstanceSummary({ model, reference: undefined }, clock, () => 0.9);
  for (let i = 0; i < 3; i++) summary.offer({ x: tensor(i) }, { y: tensor(i) }, 0.0001)?.();
  expect(summary.take()).toMatchObject({ inferences: 1, answeredInferences: 3 });
});
