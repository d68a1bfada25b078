import type { Tensor } from '@covey/protocol';
import { describe, expect, it } from 'vitest';
import { compareRuns, type RunOptions } from './runs.ts';

function floats(shape: number[], numbers: readonly number[]): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(numbers).buffer) };
}

const labels: Tensor = {
  datatype: 'INT64',
  shape: [1],
  data: new Uint8Array(BigInt64Array.of(3n).buffer),
};
const logits = floats([1, 3], [4, -2, 1]);
const probabilities = floats([1, 2, 2], [0.9, 0.1, 0.2, 0.8]);
const logarithms = floats([1, 2], [Math.log(0.7), Math.log(0.3)]);
const boxes = floats([1, 2, 4], [0.1, 0.2, 0.5, 0.9, 0, 0, 1, 1]);
const state = floats([2, 1, 2], [5, -5, 1, 2]);
const embedding = floats([1, 4], [0.3, -8, 2, 1]);
const probability = floats([1, 1], [0.4]);

/** The outputs whose decisions are compared. */
async function deciding(outputs: Record<string, Tensor>, options: RunOptions = {}): Promise<string[]> {
  const answers = async () => outputs;
  const behaviour = await compareRuns(answers, answers, [{}, {}], options);
  return Object.keys(behaviour.outputs).filter((name) => behaviour.outputs[name]?.topAgreement !== null);
}

describe('compareRuns: what decides between classes', () => {
  it.each<[string, Record<string, Tensor>, string[]]>([
    ['probabilities, and not the coordinates of boxes', { probabilities, boxes }, ['probabilities']],
    ['logarithms of probabilities', { logarithms, state }, ['logarithms']],
    ['scores of one classifier', { logits }, ['logits']],
    ['scores beside the state of a recurrent model', { logits, state }, ['logits']],
    ['labels and probabilities', { labels, probabilities, embedding }, ['labels', 'probabilities']],
    ['labels of boxes, and not their table', { labels, table: floats([1, 4], [0, 3, 9, 7]) }, ['labels']],
    ['scores of several classifiers', { logits, others: embedding }, ['logits', 'others']],
    ['nothing: a probability and a state', { probability, state }, []],
    ['nothing: boxes', { boxes }, []],
  ])('%s', async (_, outputs, expected) => {
    expect(await deciding(outputs)).toEqual(expected);
  });

  it('is what the caller says, whatever it looks like', async () => {
    expect(await deciding({ logits, state, probabilities }, { classOutput: 'state' })).toEqual(['state']);
  });

  it('is no value in between', async () => {
    const options = { inBetween: new Set(['probabilities']) };
    expect(await deciding({ logits, probabilities }, options)).toEqual(['logits']);
  });
});
