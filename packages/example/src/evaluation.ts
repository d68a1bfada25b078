import { balancedWindows, seeds } from './dataset.ts';
import { classCount, Network, type Parameters } from './network.ts';
import { classNames } from './signal.ts';

/** How a version did on the held-out windows. */
export interface Evaluation {
  heldOutWindows: number;
  heldOutAccuracy: number;
  classNames: readonly string[];
  /** Windows by true class (row) and decision (column). */
  confusion: number[][];
}

const heldOutWindows = 2_000;

/** The class of the largest probability. */
export function decisionOf(probabilities: Float32Array): number {
  return probabilities.indexOf(Math.max(...probabilities));
}

/** Measures parameters on the balanced held-out windows, which training never sees. */
export function evaluate(parameters: Parameters): Evaluation {
  const network = new Network(parameters);
  const confusion = Array.from({ length: classCount }, () => new Array<number>(classCount).fill(0));
  for (const { samples, classIndex } of balancedWindows(seeds.heldOut, heldOutWindows)) {
    const row = confusion[classIndex];
    const decision = decisionOf(network.forward(samples));
    if (row) row[decision] = (row[decision] ?? 0) + 1;
  }
  return evaluationOf(confusion);
}

/** The evaluation that a confusion matrix (rows: true class, columns: decision) comes to. */
export function evaluationOf(confusion: number[][]): Evaluation {
  const windows = confusion.flat().reduce((sum, count) => sum + count, 0);
  const correct = confusion.reduce((sum, row, classIndex) => sum + (row[classIndex] ?? 0), 0);
  return { heldOutWindows: windows, heldOutAccuracy: correct / windows, classNames, confusion };
}
