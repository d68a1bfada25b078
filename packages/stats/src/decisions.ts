import type { Tensor } from '@covey/protocol';
import { type NumericElements, numericElements } from './elements.ts';

/**
 * The classes a model decided for, one per row of a batch: the place of the largest score when the last dimension has
 * one score per class (the first of equals, as numpy's argmax), or the element itself when the output is integer labels.
 * -1 stands for no decision: a NaN among the scores, a label that names no class. Undefined when the tensor is neither.
 */
export function decisions(output: Tensor, classes: number): number[] | undefined {
  const elements = numericElements(output);
  if (elements === undefined) return undefined;
  if (output.shape.at(-1) === classes) {
    return Array.from({ length: elements.count / classes }, (_, row) =>
      argmax(elements, row * classes, classes),
    );
  }
  if (!output.datatype.includes('INT')) return undefined;
  return Array.from({ length: elements.count }, (_, row) => {
    const label = elements.at(row);
    return label >= 0 && label < classes ? label : -1;
  });
}

function argmax(elements: NumericElements, from: number, count: number): number {
  let best = -1;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const score = elements.at(from + i);
    if (Number.isNaN(score)) return -1;
    if (best < 0 || score > bestScore) {
      best = i;
      bestScore = score;
    }
  }
  return best;
}
