import { CoveyError, type Tensor } from '@covey/protocol';
import { readElements, topOf } from './elements.ts';

/** A quality that the caller defines on labelled samples, all of them together: greater is better. */
export interface LabelledMetric {
  /** As it is shown: `top-1 accuracy`. */
  name: string;
  start(): { add(outputs: Record<string, Tensor>, sampleIndex: number): void; value(): number };
}

/** The share of rows of `output` whose greatest number is at the labelled class; `labels` has the classes of each sample's rows. */
export function topAccuracy(output: string, labels: readonly (readonly number[])[]): LabelledMetric {
  return {
    name: 'top-1 accuracy',
    start() {
      let rows = 0;
      let right = 0;
      return {
        add(outputs, sampleIndex) {
          const scores = outputs[output];
          const classes = labels[sampleIndex];
          if (scores === undefined || classes === undefined)
            throw new CoveyError(
              'INVALID_ARGUMENT',
              `sample ${sampleIndex} has no ${scores === undefined ? `output "${output}"` : 'labels'}`,
            );
          const [{ numbers }] = readElements(output, scores, scores);
          const length = numbers.length / classes.length;
          if (!Number.isInteger(length))
            throw new CoveyError(
              'INVALID_ARGUMENT',
              `sample ${sampleIndex} has ${classes.length} labels for output "${output}" of shape [${scores.shape}]`,
            );
          rows += classes.length;
          right += classes.filter((label, row) => topOf(numbers, row * length, length) === label).length;
        },
        value: () => (rows === 0 ? 0 : right / rows),
      };
    },
  };
}
