import { createHash } from 'node:crypto';
import { editModel, readModel, removeZipMap, type Sample, standardPasses, writeModel } from '@covey/onnx';
import { canonicalJson } from '@covey/protocol';
import type { SampleSet } from '../samples/index.ts';
import { type DigestedModel, type DigestedSamples, type Job, perform } from './job.ts';

/** The model in fp32 as everything after takes it, and how many changes each pass made. */
export interface Edited extends DigestedModel {
  passes: Record<string, number>;
}

/** Tree models give maps, which no device can answer with: their tensors take their place. */
const passes = [removeZipMap, ...standardPasses];

/** Batch norms folded, constants computed, names given: what quantization relies on. Errors: those of editModel. */
export async function edit(job: Job, original: DigestedModel): Promise<Edited> {
  const { digest, changes } = await perform(job, 'editing the graph', {
    name: 'edit',
    inputs: { model: original.digest, passes: passes.map(({ name }) => name) },
    run: async () => {
      const { model, changes } = await editModel(original.model, passes, job.execution);
      const made = Object.entries(changes).filter(([, count]) => count > 0);
      return { digest: job.work.keep(writeModel(model)), changes: Object.fromEntries(made) };
    },
  });
  const bytes = job.work.bytes(digest);
  return { model: readModel(bytes), digest, sizeBytes: bytes.byteLength, passes: changes };
}

/** Reads samples and their digest: names, types, shapes and bytes in order. Errors: those of SampleSet.samples. */
export async function readSamples({ samples: read, labels }: SampleSet): Promise<DigestedSamples> {
  const hash = createHash('sha256');
  const samples: Sample[] = [];
  for await (const sample of read()) {
    for (const [name, { datatype, shape, data }] of Object.entries(sample)) {
      hash.update(canonicalJson({ name, datatype, shape, bytes: data.byteLength }));
      hash.update(data);
    }
    samples.push(sample);
  }
  hash.update(canonicalJson(labels ?? null));
  return { samples, labels, digest: hash.digest('hex') };
}
