import { type LabelledMetric, topAccuracy } from '@covey/onnx';
import type { Classification } from '@covey/protocol';
import type { DigestedSamples } from './job.ts';

/** The accuracy on labelled samples; undefined for samples without labels. */
export type LabelledJudge = (samples: DigestedSamples) => LabelledMetric | undefined;

/** Judges by the output that classifies; undefined where none is known to. */
export function accuracyJudge(classification: Classification | undefined): LabelledJudge | undefined {
  if (!classification) return undefined;
  return ({ labels }) =>
    labels &&
    topAccuracy(
      classification.output,
      labels.map((label) => [label]),
    );
}
