import { CoveyError, type Tensor } from '@covey/protocol';
import type { Sample } from '../calibrate/index.ts';
import type { Evaluation } from './budget.ts';
import { addSums, type ErrorSums, errorSums, noError, type OutputError, outputError } from './errors.ts';
import type { LabelledMetric } from './metric.ts';

/** How one model behaves against a reference on samples. */
export interface Behaviour extends Evaluation {
  samples: number;
  /** `worstSample` is the position of the sample with the greatest relative error. */
  outputs: Record<string, OutputError & { worstSample: number }>;
}

/** What a model answers to the sample at a position. */
export type Answers = (sample: Sample, index: number) => Promise<Record<string, Tensor>>;

export interface RunOptions {
  metric?: LabelledMetric;
  /** The output that holds scores of classes; where absent they are found by what they look like. */
  classOutput?: string;
  /** Names that are no outputs of the models but values in between: nothing is decided by them. */
  inBetween?: ReadonlySet<string>;
}

interface OutputSums {
  sums: ErrorSums;
  /** A row per item of the batch, or one row. */
  isTable: boolean;
  worst: { sample: number; relativeError: number };
}

/**
 * Runs samples one after the other and compares the outputs that both sides name. Decisions are compared of outputs that
 * hold labels, probabilities or their logarithms; where none does, of tables of numbers, which may be scores.
 * Errors: INVALID_ARGUMENT where there is no sample or no output in common; those of the execution and of the metric.
 */
export async function compareRuns(
  reference: Answers,
  candidate: Answers,
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  options: RunOptions = {},
): Promise<Behaviour> {
  const { metric } = options;
  const outputs = new Map<string, OutputSums>();
  const quality = metric && { name: metric.name, reference: metric.start(), candidate: metric.start() };
  let count = 0;
  for await (const sample of samples) {
    const expected = await reference(sample, count);
    const actual = await candidate(sample, count);
    addSample(outputs, actual, expected, count);
    quality?.reference.add(expected, count);
    quality?.candidate.add(actual, count);
    count++;
  }
  if (outputs.size === 0)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      count === 0 ? 'there is no sample to compare on' : 'the models have no output of the same name',
    );
  const deciding = decidingOutputs(outputs, options);
  return {
    samples: count,
    outputs: Object.fromEntries(
      Array.from(outputs, ([name, { sums, worst }]) => [
        name,
        {
          ...outputError(sums),
          ...(!deciding.has(name) && { topAgreement: null }),
          worstSample: worst.sample,
        },
      ]),
    ),
    ...(quality && {
      metric: {
        name: quality.name,
        reference: quality.reference.value(),
        candidate: quality.candidate.value(),
      },
    }),
  };
}

function decidingOutputs(
  outputs: ReadonlyMap<string, OutputSums>,
  { classOutput, inBetween }: RunOptions,
): ReadonlySet<string> {
  if (classOutput !== undefined) return new Set([classOutput]);
  const all = [...outputs].filter(([name]) => !inBetween?.has(name));
  const plain = all.filter(([, { sums }]) => sums.decisions > 0 && sums.plainDecisions === sums.decisions);
  const found = plain.length > 0 ? plain : all.filter(([, { isTable }]) => isTable);
  return new Set(found.map(([name]) => name));
}

function addSample(
  outputs: Map<string, OutputSums>,
  actual: Record<string, Tensor>,
  expected: Record<string, Tensor>,
  index: number,
): void {
  for (const [name, tensor] of Object.entries(expected)) {
    const candidate = actual[name];
    if (candidate === undefined) continue;
    const sums = errorSums(name, candidate, tensor);
    const { relativeError } = outputError(sums);
    const before = outputs.get(name);
    outputs.set(name, {
      sums: addSums(before?.sums ?? noError, sums),
      isTable: tensor.shape.length <= 2,
      worst:
        before === undefined || relativeError > before.worst.relativeError
          ? { sample: index, relativeError }
          : before.worst,
    });
  }
}
