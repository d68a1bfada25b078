import * as v from 'valibot';
import { DigestSchema, NameSchema } from './ids.ts';
import { limits } from './limits.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const measure = v.pipe(v.number(), v.finite());
const text = v.pipe(v.string(), v.maxLength(limits.reasonChars));
const named = v.pipe(v.string(), v.maxLength(256));

/** A median with the interval that holds the true one in 95 of 100 measurements. */
const IntervalSchema = v.object({ median: measure, lower: measure, upper: measure });
export type Interval = v.InferOutput<typeof IntervalSchema>;

/** How far an output of a variant lies from the original's over the held-out samples (packages/onnx, OutputError). */
const OutputErrorSchema = v.object({
  relativeError: measure,
  cosine: measure,
  maxAbsolute: measure,
  topAgreement: v.nullable(measure),
});

const EvaluatedVariantSchema = v.object({
  name: NameSchema,
  /** Null where it could not be made, or not within the budget. */
  sha256: v.nullable(DigestSchema),
  sizeBytes: v.nullable(count),
  /** How it was made, in words: `static, minmax, activations uint8, weights int7, weightsSymmetric, perChannel`. */
  settings: text,
  /** `refused` variants are reported and not in the bundle. */
  verdict: v.picklist(['kept', 'refused']),
  /** Why it is refused. */
  reason: v.optional(text),
  /** Null where it could not be run. */
  latencyMs: v.nullable(IntervalSchema),
  /** Latency over the original's, of runs side by side: below 1 is faster. */
  latencyRatio: v.nullable(IntervalSchema),
  /** Slower than fp32, the edited model, on this machine, beyond doubt; another class of device may profit. */
  slowerHere: v.boolean(),
  /** Peak resident memory of a process that runs it, over an empty one. */
  peakMemoryBytes: v.nullable(count),
  errors: v.record(named, OutputErrorSchema),
  /** The share of held-out samples with labels that are classified right, where there are labels. */
  accuracy: v.optional(measure),
  /** Names of the nodes left in fp32. */
  nodesKept: v.pipe(v.array(named), v.maxLength(100_000)),
});
export type EvaluatedVariant = v.InferOutput<typeof EvaluatedVariantSchema>;

/**
 * The evaluation report of `covey model quantize`: what each variant costs and loses, on samples that calibration never saw.
 * Latency and memory are of `machine` alone; a device measures its own.
 */
export const EvaluationReportSchema = v.object({
  format: v.literal('covey-evaluation/1'),
  tool: named,
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  machine: v.object({
    cpu: named,
    cores: count,
    platform: named,
    runtime: named,
    provider: named,
    threads: count,
  }),
  original: v.object({
    sha256: DigestSchema,
    sizeBytes: count,
    latencyMs: v.nullable(IntervalSchema),
    peakMemoryBytes: v.nullable(count),
  }),
  samples: v.object({ source: text, digest: DigestSchema, calibration: count, heldOut: count }),
  /** Passes that changed the graph before anything was quantized, with how many changes each made. */
  passes: v.record(named, count),
  calibration: named,
  /** Limits by name of the criterion, such as `relative-error`. */
  budget: v.record(named, measure),
  variants: v.pipe(v.array(EvaluatedVariantSchema), v.minLength(1), v.maxLength(16)),
});
export type EvaluationReport = v.InferOutput<typeof EvaluationReportSchema>;
