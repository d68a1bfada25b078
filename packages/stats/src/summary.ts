import { create } from '@bufbuild/protobuf';
import {
  type Classification,
  CoveyError,
  limits,
  type ModelSchema,
  type Summary,
  type Tensor,
  type TensorSummary,
} from '@covey/protocol';
import { SummarySchema, TensorSummarySchema } from '@covey/protocol/telemetry-schemas';
import { decisions } from './decisions.ts';
import { checkHistogram, ExponentialHistogramAccumulator } from './histogram.ts';
import { checkMoments, MomentsAccumulator } from './moments.ts';
import { sampledElements, TensorAccumulator } from './tensor.ts';

/** What a summary is about. `reference` gives the ranges that out-of-range counts use. */
export interface SummarySubject {
  model: string;
  version: string;
  variant: string;
  schema: ModelSchema;
  classification?: Classification;
  reference?: Summary;
}

/** Summarizes what goes into and comes out of one variant of a model version, window after window. */
export class SummaryAccumulator {
  readonly #subject: SummarySubject;
  readonly #scratch: Float64Array;
  #fromMs: number;
  #inferences = 0;
  #calls = 0;
  #tensors: Map<string, TensorAccumulator>;
  #classCounts: number[] = [];

  /** The first window opens at `fromMs`, Unix milliseconds. */
  constructor(
    subject: SummarySubject,
    fromMs: number,
    scratch: Float64Array = new Float64Array(sampledElements),
  ) {
    this.#subject = subject;
    this.#fromMs = fromMs;
    this.#scratch = scratch;
    this.#tensors = tensorsOf(subject);
  }

  /** An empty one of the same subject and window, to be merged later; they share what they work with, and are cheap. */
  sibling(): SummaryAccumulator {
    return new SummaryAccumulator(this.#subject, this.#fromMs, this.#scratch);
  }

  /** Inferences added in this window. */
  get inferences(): number {
    return this.#inferences;
  }

  /**
   * Adds one call of the model: its tensors by name (little-endian, as protocol's Tensor) and how many inferences the
   * batch held. At most 4096 elements of a tensor are looked at: see TensorAccumulator.add. Decisions are counted in full.
   */
  add(inputs: Record<string, Tensor>, outputs: Record<string, Tensor>, inferences: number): void {
    for (const [key, tensors] of [
      ['input', inputs],
      ['output', outputs],
    ] as const) {
      for (const [name, tensor] of Object.entries(tensors)) {
        this.#tensors.get(`${key} ${name}`)?.add(tensor, this.#calls, this.#scratch);
      }
    }
    this.#countClasses(outputs);
    this.#inferences += inferences;
    this.#calls++;
  }

  /** The summary of the window that ends now, at `toMs`; the next window opens with it. */
  take(toMs: number): Summary {
    const { model, version, variant } = this.#subject;
    const summary = create(SummarySchema, {
      model,
      version,
      variant,
      fromMs: this.#fromMs,
      toMs,
      inferences: this.#inferences,
      tensors: [...this.#tensors.values()].map((tensor) => tensor.toMessage()).sort(byDirectionAndName),
      classCounts: this.#classCounts,
    });
    this.#fromMs = toMs;
    this.#inferences = 0;
    this.#tensors = tensorsOf(this.#subject);
    this.#classCounts = [];
    return summary;
  }

  #countClasses(outputs: Record<string, Tensor>): void {
    const { classification } = this.#subject;
    if (classification === undefined) return;
    const scores = Object.hasOwn(outputs, classification.output) ? outputs[classification.output] : undefined;
    const classes = classification.classNames.length;
    const decided = scores && decisions(scores, classes);
    if (decided === undefined) return;
    if (this.#classCounts.length === 0) this.#classCounts = new Array<number>(classes).fill(0);
    for (const index of decided) {
      if (index >= 0) this.#classCounts[index] = (this.#classCounts[index] ?? 0) + 1;
    }
  }
}

function tensorsOf({ schema, reference }: SummarySubject): Map<string, TensorAccumulator> {
  const entry = (name: string, output: boolean): [string, TensorAccumulator] => {
    const known = reference?.tensors.find((tensor) => tensor.name === name && tensor.output === output);
    return [`${output ? 'output' : 'input'} ${name}`, new TensorAccumulator(name, output, known?.moments)];
  };
  const observed = (specs: ModelSchema['inputs']) => specs.filter(({ datatype }) => datatype !== 'BYTES');
  return new Map([
    ...observed(schema.inputs).map(({ name }) => entry(name, false)),
    ...observed(schema.outputs).map(({ name }) => entry(name, true)),
  ]);
}

/**
 * Two summaries of one model version as one: equal to the summary of everything both saw, whatever the order of merging
 * (moments up to rounding). Tensors are sorted, inputs first. `variant` becomes empty where the two differ.
 * Errors: INVALID_ARGUMENT for different versions, INVALID_DOCUMENT for impossible contents.
 */
export function mergeSummaries(a: Summary, b: Summary): Summary {
  if (a.model !== b.model || a.version !== b.version) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `summaries of ${a.model} ${a.version} and ${b.model} ${b.version} cannot be merged`,
    );
  }
  const merged = a.tensors.map((tensor) => mergeTensors(tensor, b.tensors.find(sameTensorAs(tensor))));
  const onlyInB = b.tensors.filter((tensor) => !a.tensors.some(sameTensorAs(tensor)));
  const classes = Math.max(a.classCounts.length, b.classCounts.length);
  return create(SummarySchema, {
    model: a.model,
    version: a.version,
    variant: a.variant === b.variant ? a.variant : '',
    fromMs: Math.min(a.fromMs, b.fromMs),
    toMs: Math.max(a.toMs, b.toMs),
    inferences: a.inferences + b.inferences,
    answeredInferences: a.answeredInferences + b.answeredInferences === 0 ? 0 : answeredBy(a) + answeredBy(b),
    tensors: [...merged, ...onlyInB].sort(byDirectionAndName),
    classCounts: Array.from({ length: classes }, (_, i) => (a.classCounts[i] ?? 0) + (b.classCounts[i] ?? 0)),
  });
}

/** Where nobody counted apart, all that were answered were looked at. */
function answeredBy({ inferences, answeredInferences }: Summary): number {
  return answeredInferences === 0 ? inferences : answeredInferences;
}

function mergeTensors(a: TensorSummary, b: TensorSummary | undefined): TensorSummary {
  if (b === undefined) return a;
  const moments = new MomentsAccumulator();
  const histogram = new ExponentialHistogramAccumulator();
  for (const side of [a, b]) {
    if (side.moments) moments.merge(side.moments);
    if (side.histogram) histogram.merge(side.histogram);
  }
  return create(TensorSummarySchema, {
    name: a.name,
    output: a.output,
    moments: moments.toMessage(),
    histogram: histogram.toMessage(),
    missing: a.missing + b.missing,
    outOfRange: a.outOfRange + b.outOfRange,
  });
}

/** Checks a summary from outside. Errors: INVALID_DOCUMENT naming what is out of bounds or impossible. */
export function checkSummary(summary: Summary): void {
  const wrong = (what: string): never => {
    throw new CoveyError('INVALID_DOCUMENT', `summary: ${what}`);
  };
  if (summary.tensors.length > 2 * limits.tensorsPerModel) wrong('too many tensors');
  if (summary.classCounts.length > limits.classNames) wrong('too many classes');
  if (!(Number.isFinite(summary.fromMs) && summary.fromMs <= summary.toMs && Number.isFinite(summary.toMs))) {
    wrong('the window must end at or after its start');
  }
  if (summary.inferences > answeredBy(summary)) wrong('more inferences were looked at than answered');
  summary.tensors.forEach((tensor, i) => {
    if (summary.tensors.findIndex(sameTensorAs(tensor)) !== i) wrong(`tensor ${tensor.name} appears twice`);
    if (tensor.moments) checkMoments(tensor.moments);
    if (tensor.histogram) checkHistogram(tensor.histogram);
  });
}

/** Whether another summary is of the same tensor: an input and an output may share a name. */
export function sameTensorAs(tensor: TensorSummary): (other: TensorSummary) => boolean {
  return (other) => other.name === tensor.name && other.output === tensor.output;
}

function byDirectionAndName(a: TensorSummary, b: TensorSummary): number {
  return Number(a.output) - Number(b.output) || (a.name < b.name ? -1 : Number(a.name > b.name));
}
