import type { Tensor } from '@covey/protocol';
import type { Execution } from '../execution.ts';
import { type Model, writeModel } from '../model/index.ts';

/** What a model answers to one sample. */
export async function answersOf(
  model: Model,
  execution: Execution,
  samples: readonly Record<string, Tensor>[],
): Promise<Record<string, Tensor>[]> {
  const loaded = await execution.load(writeModel(model));
  try {
    const answers: Record<string, Tensor>[] = [];
    for (const sample of samples) answers.push(await loaded.run(sample));
    return answers;
  } finally {
    await loaded.release();
  }
}

export function fp32(shape: number[], elements: ArrayLike<number>): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(elements).buffer) };
}

export function numbersIn({ data }: Tensor): Float32Array {
  return new Float32Array(new Uint8Array(data).buffer);
}

/** ||a - b|| / ||b||, 0 for two that are all zeros. */
export function relativeError(a: Tensor | undefined, b: Tensor | undefined): number {
  if (!a || !b) return Number.NaN;
  const [values, wanted] = [numbersIn(a), numbersIn(b)];
  let difference = 0;
  let norm = 0;
  for (const [i, value] of wanted.entries()) {
    difference += ((values[i] ?? Number.NaN) - value) ** 2;
    norm += value ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
