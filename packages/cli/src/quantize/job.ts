import type { Execution, Model, Sample } from '@covey/onnx';
import { coveyVersion } from '../version.ts';
import type { Step, WorkFolder } from './work-folder.ts';

/** What every step of quantizing one file uses. */
export interface Job {
  work: WorkFolder;
  execution: Execution;
  threads: number;
  /** Tells people what is being done. */
  say(text: string): void;
}

/** A model with the digest of its file, which steps that depend on it name. */
export interface DigestedModel {
  model: Model;
  digest: string;
  sizeBytes: number;
}

/** Samples with the digest of all their tensors. */
export interface DigestedSamples {
  samples: readonly Sample[];
  /** The class of each, where it is known. */
  labels: readonly number[] | undefined;
  digest: string;
}

/** Performs a step, telling whether it had been done before. Another version of the tool does everything anew. */
export async function perform<Found>(job: Job, label: string, step: Step<Found>): Promise<Found> {
  job.say(label);
  const { found, isNew } = await job.work.perform(withTool(step));
  if (!isNew) job.say(`${label}: done before`);
  return found;
}

/** The step as it is kept. */
export function withTool<S extends Pick<Step<unknown>, 'inputs'>>(step: S): S {
  return { ...step, inputs: { tool: coveyVersion, ...(step.inputs as object) } };
}
