import { encodeReference } from '@covey/bundle';
import type { Sample } from '@covey/onnx';
import {
  type Classification,
  CoveyError,
  type GoldenVector,
  type ModelSchema,
  type Tensor,
} from '@covey/protocol';
import { SummaryAccumulator } from '@covey/stats';
import { floatsOf } from '../publish/floats.ts';
import type { DigestedModel, Job } from './job.ts';

/** Golden vectors go to every device: few, and within these bytes where one alone is not more. */
const mostVectors = 8;
const mostBytes = 4 * 1024 * 1024;

export interface Proof {
  golden: GoldenVector[];
  /** The reference summary as bundles hold it; its model and version are given when it is published. */
  reference: Uint8Array;
}

/**
 * Runs the model in fp32 on samples: the first of those held out become golden vectors, but for those it answers with NaN,
 * all of them the reference summary. Errors: those of the execution, INVALID_ARGUMENT where it answers numbers to none.
 */
export async function prove(
  job: Job,
  { digest }: DigestedModel,
  samples: { heldOut: readonly Sample[]; calibration: readonly Sample[] },
  about: { schema: ModelSchema; classification: Classification | undefined },
): Promise<Proof> {
  job.say('running fp32 for golden vectors and the reference summary');
  const { schema, classification } = about;
  const subject = {
    model: '',
    version: '',
    variant: 'fp32',
    schema,
    ...(classification && { classification }),
  };
  const summary = new SummaryAccumulator(subject, 0);
  const loaded = await job.execution.load(job.work.bytes(digest));
  const golden: GoldenVector[] = [];
  const heldOutCounts: Record<string, FloatCounts>[] = [];
  let roomBytes = mostBytes;
  try {
    for (const [i, inputs] of [...samples.heldOut, ...samples.calibration].entries()) {
      const outputs = await loaded.run(inputs);
      summary.add(inputs, outputs, 1);
      if (i >= samples.heldOut.length) continue;
      const counts = countsOf(outputs);
      heldOutCounts.push(counts);
      if (!provesSomething(counts)) continue;
      roomBytes -= sizeOf(inputs) + sizeOf(outputs);
      const fits = golden.length < mostVectors && (golden.length === 0 || roomBytes >= 0);
      if (fits) golden.push({ inputs, outputs });
    }
  } finally {
    await loaded.release();
  }
  requireNumbers(heldOutCounts, golden);
  return { golden, reference: encodeReference(summary.take(0)) };
}

/** What an output's floats are; all 0 for an output of anything else. */
interface FloatCounts {
  finite: number;
  infinite: number;
  nan: number;
}

function countsOf(outputs: Record<string, Tensor>): Record<string, FloatCounts> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => {
      const counts: FloatCounts = { finite: 0, infinite: 0, nan: 0 };
      for (const value of floatsOf(tensor))
        counts[Number.isFinite(value) ? 'finite' : Number.isNaN(value) ? 'nan' : 'infinite']++;
      return [name, counts];
    }),
  );
}

/** Infinities beside numbers are a mask, which is an answer; NaN is equal to whatever a broken variant answers. */
function provesSomething(counts: Record<string, FloatCounts>): boolean {
  return Object.values(counts).every(
    ({ finite, infinite, nan }) => nan === 0 && (finite > 0 || infinite === 0),
  );
}

/** Errors: INVALID_ARGUMENT where nothing about a variant could be found out on these samples. */
function requireNumbers(
  heldOut: readonly Record<string, FloatCounts>[],
  golden: readonly GoldenVector[],
): void {
  for (const name of new Set(heldOut.flatMap(Object.keys))) {
    const all = heldOut.flatMap((counts) => counts[name] ?? []);
    if (all.every(({ finite }) => finite === 0) && all.some(({ infinite, nan }) => infinite + nan > 0))
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `output ${name}: the model answers no finite value on the ${heldOut.length} held-out samples, so they prove nothing`,
      );
  }
  if (golden.length === 0)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `none of the ${heldOut.length} held-out samples can be a golden vector: some output is NaN, or infinite alone, on each`,
    );
}

function sizeOf(tensors: Record<string, Tensor>): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}
