import {
  type Budget,
  type OutputErrors,
  type Sample,
  type Scheme,
  type SearchedVariant,
  type SearchResult,
  type SearchState,
  schemeName,
  searchPrecision,
  storeHalf,
  writeModel,
} from '@covey/onnx';
import type { Interval } from '@covey/protocol';
import { measureLatency } from '@covey/runtime';
import { budgetOf, type Limits } from './budget.ts';
import { ratioInterval } from './interval.ts';
import { type DigestedModel, type DigestedSamples, type Job, perform, withTool } from './job.ts';
import type { LabelledJudge } from './judge.ts';
import { progressText } from './progress.ts';

/** A variant that was made; its bytes are in the work folder. */
export interface Candidate {
  name: string;
  digest: string;
  sizeBytes: number;
  settings: string;
  nodesKept: string[];
  /** What it was preferred for to others that keep the budget. */
  chosenFor: 'size' | 'speed';
}

/** What could be made of a model in one form; `refusal` says why nothing could, with the errors that came nearest. */
export interface Made {
  candidates: Candidate[];
  /** Others within the budget, the smallest first: for the first candidate, where that fails on held-out samples. */
  spares: Candidate[];
  refusal?: { reason: string; settings: string; errors: OutputErrors };
}

/** Rounds for choosing between variants, and for how long at most: what is shipped is measured again at length. */
const choosing = { rounds: 80, limitMs: 2_500 };
const choosingSamples = 4;

/**
 * Looks for the smallest variant within the limits on the samples that calibrate, and where `isTimed` for the fastest too.
 * Interrupted, it goes on after the last variant tried. Errors: those of searchPrecision.
 */
export function search(
  job: Job,
  model: DigestedModel,
  samples: DigestedSamples,
  wanted: {
    name: string;
    schemes: readonly Scheme[];
    isTimed: boolean;
    limits: Limits;
    judge: LabelledJudge | undefined;
    classOutput: string | undefined;
  },
): Promise<Made> {
  const { name, schemes, isTimed, limits, judge, classOutput } = wanted;
  const budget: Budget = budgetOf(limits, judge?.(samples), classOutput);
  const about = {
    model: model.digest,
    samples: samples.digest,
    schemes: schemes.map(schemeName),
    isTimed,
    threads: job.threads,
    classOutput: classOutput ?? null,
  };
  const id = withTool({ name: `search-${name}`, inputs: { ...about, limits } });
  // Of every search that differs in its limits alone: most of what they ask is the same.
  const shared = withTool({ name: `searches-${name}`, inputs: about });
  const run = async (): Promise<Made> => {
    const resume = job.work.unfinished(shared) as SearchState | undefined;
    const result = await searchPrecision({
      model: model.model,
      execution: job.execution,
      samples: samples.samples,
      budget,
      schemes,
      ...(isTimed && { measure: (models) => measureRatios(models, samples.samples, job.threads) }),
      onStep: (state, progress) => {
        job.work.leaveUnfinished(shared, state);
        job.say(`${name}: ${progressText(progress)}`);
      },
      ...(resume && { resume }),
    });
    return madeOf(job, name, result);
  };
  return perform(job, `${name}: looking for the variants within the budget`, { ...id, run });
}

function madeOf(job: Job, name: string, result: SearchResult): Made {
  if (!result.found) {
    const { reason, closest } = result;
    const errors = closest.evaluation?.outputs ?? {};
    return { candidates: [], spares: [], refusal: { reason, settings: closest.scheme, errors } };
  }
  const { smallest, fastest, within } = result;
  const candidates = [keptAs(job, name, smallest, 'size')];
  if (fastest.trial !== smallest.trial) candidates.push(keptAs(job, `${name}-fast`, fastest, 'speed'));
  const others = within.filter((trial) => trial !== smallest.trial && trial !== fastest.trial);
  const spares = others.map((trial) => keptAs(job, name, result.variantOf(trial), 'size'));
  return { candidates, spares };
}

function keptAs(
  job: Job,
  name: string,
  { model, trial }: SearchedVariant,
  chosenFor: Candidate['chosenFor'],
): Candidate {
  const { scheme: settings, kept: nodesKept } = trial;
  return candidateOf(job, name, writeModel(model), { settings, nodesKept, chosenFor });
}

function candidateOf(
  job: Job,
  name: string,
  bytes: Uint8Array,
  about: Pick<Candidate, 'settings' | 'nodesKept' | 'chosenFor'>,
): Candidate {
  return { name, digest: job.work.keep(bytes), sizeBytes: bytes.byteLength, ...about };
}

/** Weights in half precision: nothing to search for. Errors: those of storeHalf, where there are none in fp32 among them. */
export function makeHalf(job: Job, model: DigestedModel): Promise<Made> {
  return perform(job, 'fp16: storing the weights in half precision', {
    name: 'make-fp16',
    inputs: { model: model.digest },
    run: async (): Promise<Made> => {
      const settings = 'fp16 weights';
      const bytes = writeModel(storeHalf(model.model));
      return {
        candidates: [candidateOf(job, 'fp16', bytes, { settings, nodesKept: [], chosenFor: 'size' })],
        spares: [],
      };
    },
  });
}

/** Latencies of models as ratios to the first's. */
async function measureRatios(
  models: readonly Uint8Array[],
  samples: readonly Sample[],
  threads: number,
): Promise<Interval[]> {
  const some = samples.slice(0, choosingSamples);
  const latencies = await measureLatency(models, some, { threads, ...choosing });
  const [first = []] = latencies;
  return latencies.flatMap((values) => ratioInterval(values, first) ?? []);
}
