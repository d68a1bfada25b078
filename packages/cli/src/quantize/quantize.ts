import { compareBehaviour, type Evaluation, modelSchema, type Scheme } from '@covey/onnx';
import { type Classification, CoveyError, type ModelSchema } from '@covey/protocol';
import { floatTolerances } from '../publish/tolerances.ts';
import type { SampleSet } from '../samples/index.ts';
import { type Limits, requireClasses, tightened } from './budget.ts';
import { comparisonOptions, evaluationOf, type Judged, judge, reasonOf, type Trial } from './evaluate.ts';
import { type Proof, prove } from './golden.ts';
import { type DigestedModel, type DigestedSamples, type Job, perform } from './job.ts';
import { accuracyJudge } from './judge.ts';
import { type Made, makeHalf, search } from './make.ts';
import { type Cost, measureCosts } from './measure.ts';
import { type Edited, readSamples } from './prepare.ts';
import { hasPassed, type Round, settled } from './rounds.ts';
import { withoutTwins, withoutUseless } from './usefulness.ts';
import { type CalibrationMethod, schemesOf, type VariantForm } from './variants.ts';

/** What is asked of one model. */
export interface Wanted {
  forms: readonly VariantForm[];
  method: CalibrationMethod | undefined;
  limits: Limits;
  classification: Classification | undefined;
}

/** A form of which nothing could be made within the budget. */
export interface Refused {
  name: string;
  refusal: NonNullable<Made['refusal']>;
}

/** All that was made and found out. */
export interface Quantized {
  original: DigestedModel;
  edited: Edited;
  schema: ModelSchema;
  wanted: Wanted;
  samples: { describe: string; calibration: DigestedSamples; heldOut: DigestedSamples };
  proof: Proof;
  /** fp32, the edited model itself, comes first. */
  judged: Judged[];
  refused: Refused[];
  /** By digest; of the original and of what is kept. */
  costs: Map<string, Cost>;
}

/** A search may use so much of the budget; less, when what it finds does not keep the budget on held-out samples. */
const budgetShares = [0.8, 0.5, 0.25];

/**
 * Makes, judges and measures the forms of a model that are wanted; every step is kept in the work folder.
 * Errors: those of the steps; a variant that cannot be made, run or kept within the budget is refused, no error.
 */
export async function quantizeModel(
  job: Job,
  original: DigestedModel,
  edited: Edited,
  parts: { describe: string; calibration: SampleSet; heldOut: SampleSet },
  wanted: Wanted,
): Promise<Quantized> {
  const schema = modelSchema(edited.model);
  const { classification, limits } = wanted;
  const calibration = await readSamples(parts.calibration);
  const heldOut = await readSamples(parts.heldOut);
  const sides = { heldOut: heldOut.samples, calibration: calibration.samples };
  const proof = await prove(job, edited, sides, { schema, classification });
  const judgeOf = accuracyJudge(classification);
  const trial: Trial = {
    reference: edited,
    heldOut,
    limits,
    judge: judgeOf,
    golden: proof.golden,
    schema,
    classification,
  };
  const float = await judgeFloat(job, original, trial);
  requireClasses(limits, float.evaluation);
  const judged: Judged[] = [float];
  const refused: Refused[] = [];
  for (const form of wanted.forms) {
    const outcome = await makeAndJudge(job, trial, calibration, form, schemesOf(form, wanted.method));
    judged.push(...outcome.judged);
    if (outcome.refusal) refused.push({ name: form, refusal: outcome.refusal });
  }
  const distinct = withoutTwins(judged);
  const kept = distinct.filter(({ reason }) => reason === undefined).map(({ candidate }) => candidate.digest);
  const costs = await measureCosts(job, [...new Set([original.digest, ...kept])], heldOut);
  const samples = { describe: parts.describe, calibration, heldOut };
  const useful = withoutUseless(distinct, costs);
  return { original, edited, schema, wanted, samples, proof, judged: useful, refused, costs };
}

/** The edited model against the original. Errors: INTERNAL where edits changed what it computes. */
async function judgeFloat(job: Job, original: DigestedModel, trial: Trial): Promise<Judged> {
  const { reference: edited, heldOut } = trial;
  const options = comparisonOptions(trial);
  const evaluation = await perform(job, 'fp32: comparing the edited graph with the original', {
    name: 'evaluate-edited',
    inputs: {
      original: original.digest,
      edited: edited.digest,
      samples: heldOut.digest,
      metric: options.metric?.name ?? null,
      classOutput: options.classOutput ?? null,
    },
    run: async (): Promise<Evaluation> => {
      const behaviour = await compareBehaviour(
        original.model,
        edited.model,
        job.execution,
        heldOut.samples,
        options,
      );
      return evaluationOf(behaviour);
    },
  });
  const changed = Object.entries(evaluation.outputs).find(
    ([, { relativeError }]) => relativeError > mostEditError,
  );
  if (changed)
    throw new CoveyError(
      'INTERNAL',
      `editing the graph changed output ${changed[0]} by ${changed[1].relativeError.toPrecision(3)}`,
    );
  const { digest, sizeBytes } = edited;
  const candidate: Judged['candidate'] = {
    name: 'fp32',
    digest,
    sizeBytes,
    settings: 'the edited graph',
    nodesKept: [],
    chosenFor: 'speed',
  };
  return { candidate, evaluation, tolerances: floatTolerances };
}

/** Relative error that another order of the same sums may bring; it is noise beside any quantization. */
const mostEditError = 1e-3;

/** What cannot be made is refused, and the other forms go on. */
async function make(
  job: Job,
  reference: DigestedModel,
  calibration: DigestedSamples,
  wanted: Parameters<typeof search>[3],
): Promise<Made> {
  try {
    return wanted.schemes.length === 0
      ? await makeHalf(job, reference)
      : await search(job, reference, calibration, wanted);
  } catch (error) {
    return {
      candidates: [],
      spares: [],
      refusal: { reason: reasonOf(error), settings: wanted.name, errors: {} },
    };
  }
}

async function makeAndJudge(
  job: Job,
  trial: Trial,
  calibration: DigestedSamples,
  form: VariantForm,
  schemes: readonly Scheme[],
): Promise<{ judged: Judged[]; refusal?: Made['refusal'] }> {
  const rounds: Round[] = [];
  for (const share of budgetShares) {
    // What stores weights alone is for memory and for other processors: how fast it is here chooses nothing.
    const isTimed = form === 'int8-qdq';
    const { judge: judgeOf, classification } = trial;
    const classOutput = classification?.output;
    const asked = { name: form, schemes, isTimed, judge: judgeOf, classOutput };
    const within = async (given: number) => {
      const limits = tightened(trial.limits, given);
      return { share: given, made: await make(job, trial.reference, calibration, { ...asked, limits }) };
    };
    // Nothing is searched for where there is no scheme to choose.
    let found = await within(schemes.length === 0 ? 1 : share);
    if (found.made.refusal && rounds.length === 0) found = await within(1);
    const { candidates, spares, refusal } = found.made;
    const judged: Judged[] = [];
    for (const candidate of candidates) judged.push(await judge(job, trial, candidate));
    for (const spare of spares) {
      if (hasPassed(judged, form)) break;
      judged.push(await judge(job, trial, spare));
    }
    rounds.push({ share: found.share, judged, ...(refusal && { refusal }) });
    if (refusal || schemes.length === 0 || hasPassed(judged, form)) break;
  }
  return settled(rounds);
}
