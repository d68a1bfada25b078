import {
  type BehaviourComparison,
  type BehaviourOptions,
  compareBehaviour,
  type Evaluation,
  readModel,
  withinBudget,
} from '@covey/onnx';
import {
  type Classification,
  CoveyError,
  type ErrorCode,
  type GoldenVector,
  type ModelSchema,
  type Tolerance,
} from '@covey/protocol';
import { compareWithGolden } from '@covey/runtime';
import { type Answers, decisionTolerances } from '../publish/tolerances.ts';
import { budgetOf, type Limits } from './budget.ts';
import { type DigestedModel, type DigestedSamples, type Job, perform } from './job.ts';
import type { LabelledJudge } from './judge.ts';
import type { Candidate } from './make.ts';

/** What a variant loses on held-out samples, and whether it may be shipped. */
export interface Judged {
  candidate: Candidate;
  evaluation: Evaluation;
  /** What devices compare it by; empty when it is refused. */
  tolerances: Tolerance[];
  /** Why it is refused. */
  reason?: string;
}

/** What variants are judged by. */
export interface Trial {
  /** The model in fp32. */
  reference: DigestedModel;
  heldOut: DigestedSamples;
  limits: Limits;
  judge: LabelledJudge | undefined;
  golden: readonly GoldenVector[];
  schema: ModelSchema;
  classification: Classification | undefined;
}

/** Runs a variant on the held-out samples and the golden vectors. Errors: those of the execution are a reason to refuse it. */
export async function judge(job: Job, trial: Trial, candidate: Candidate): Promise<Judged> {
  try {
    const evaluation = await evaluate(job, trial, candidate);
    const budget = budgetOf(trial.limits, trial.judge?.(trial.heldOut), trial.classification?.output);
    const verdict = withinBudget(evaluation, budget);
    if (!verdict.within)
      return { candidate, evaluation, tolerances: [], reason: `on held-out samples ${verdict.reason}` };
    const tolerances = await provenTolerances(job, trial, candidate);
    return { candidate, evaluation, tolerances };
  } catch (error) {
    return { candidate, evaluation: { outputs: {} }, tolerances: [], reason: reasonOf(error) };
  }
}

/** A variant that fails so is no fault of the tool: it is refused, and the others go on. */
const refusing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MODEL_INVALID',
  'MODEL_UNSUPPORTED',
  'INFERENCE_FAILED',
  'RUNTIME_DIED',
  'DEADLINE_EXCEEDED',
  'GOLDEN_MISMATCH',
]);

/** Why a variant is refused. Errors: what is no finding about a variant is thrown on. */
export function reasonOf(error: unknown): string {
  if (error instanceof CoveyError && refusing.has(error.code)) return error.message;
  throw error;
}

function evaluate(job: Job, trial: Trial, candidate: Candidate): Promise<Evaluation> {
  const { reference, heldOut } = trial;
  const options = comparisonOptions(trial);
  return perform(job, `${candidate.name}: running the held-out samples`, {
    name: 'evaluate',
    inputs: {
      reference: reference.digest,
      candidate: candidate.digest,
      samples: heldOut.digest,
      metric: options.metric?.name ?? null,
      classOutput: options.classOutput ?? null,
    },
    run: async (): Promise<Evaluation> => {
      const model = readModel(job.work.bytes(candidate.digest));
      const { execution } = job;
      const behaviour = await compareBehaviour(reference.model, model, execution, heldOut.samples, options);
      return evaluationOf(behaviour);
    },
  });
}

/** What a comparison on held-out samples looks at beside errors. */
export function comparisonOptions({
  heldOut,
  judge: judgeOf,
  classification,
}: Trial): Pick<BehaviourOptions, 'metric' | 'classOutput'> {
  const metric = judgeOf?.(heldOut);
  return { ...(metric && { metric }), ...(classification && { classOutput: classification.output }) };
}

/** What is kept of how a variant behaves. */
export function evaluationOf({ outputs, metric }: BehaviourComparison): Evaluation {
  const errors = Object.entries(outputs).map(([name, { worstSample: _, ...error }]) => [name, error]);
  return { outputs: Object.fromEntries(errors), ...(metric && { metric }) };
}

/** The tolerances that follow from what the variant gives for the golden vectors. Errors: GOLDEN_MISMATCH where it decides otherwise. */
async function provenTolerances(
  job: Job,
  { golden, schema, classification }: Trial,
  candidate: Candidate,
): Promise<Tolerance[]> {
  const answers = await answersOf(job, candidate.digest, golden);
  const tolerances = decisionTolerances(schema, classification, golden, answers);
  for (const [i, { outputs }] of golden.entries()) {
    try {
      compareWithGolden(answers[i] ?? {}, outputs, tolerances);
    } catch (error) {
      if (!(error instanceof CoveyError)) throw error;
      throw new CoveyError(error.code, `on golden vector ${i} ${error.message}`, { cause: error });
    }
  }
  return tolerances;
}

async function answersOf(job: Job, digest: string, golden: readonly GoldenVector[]): Promise<Answers> {
  const loaded = await job.execution.load(job.work.bytes(digest));
  try {
    const answers: GoldenVector['outputs'][] = [];
    for (const { inputs } of golden) answers.push(await loaded.run(inputs));
    return answers;
  } finally {
    await loaded.release();
  }
}
