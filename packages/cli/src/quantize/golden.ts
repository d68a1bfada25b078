import { encodeReference, type GoldenVector } from '@covey/bundle';
import type { Sample } from '@covey/onnx';
import type { Classification, ModelSchema, Tensor } from '@covey/protocol';
import { SummaryAccumulator } from '@covey/stats';
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
 * Runs the model in fp32 on samples: the first of those held out become golden vectors, all of them the reference summary.
 * Errors: those of the execution.
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
  let roomBytes = mostBytes;
  try {
    for (const [i, inputs] of [...samples.heldOut, ...samples.calibration].entries()) {
      const outputs = await loaded.run(inputs);
      summary.add(inputs, outputs, 1);
      roomBytes -= sizeOf(inputs) + sizeOf(outputs);
      const fits = i < mostVectors && i < samples.heldOut.length && (i === 0 || roomBytes >= 0);
      if (fits) golden.push({ inputs, outputs });
    }
  } finally {
    await loaded.release();
  }
  return { golden, reference: encodeReference(summary.take(0)) };
}

function sizeOf(tensors: Record<string, Tensor>): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}
