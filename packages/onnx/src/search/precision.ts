import { CoveyError, type Interval } from '@covey/protocol';
import type { Sample } from '../calibrate/index.ts';
import { type Budget, checkBudget } from '../compare/index.ts';
import type { Execution } from '../execution.ts';
import { type Model, writeModel } from '../model/index.ts';
import { type Attempt, attemptSchemes } from './attempt.ts';
import { groupsOf } from './groups.ts';
import { Reference } from './reference.ts';
import { type Scheme, schemeName } from './scheme.ts';
import { type GroupHarm, rankGroups } from './sensitivity.ts';
import { fingerprintOf, type OnStep, type SearchState, Steps } from './steps.ts';
import { chooseTimed, type Measure } from './timed.ts';
import { type Trial, Trials } from './trials.ts';

export interface SensitivityRequest {
  /** In fp32, edited; its nodes have names of their own. */
  model: Model;
  execution: Execution;
  /** Samples whose values calibrate static schemes: `samples` where absent. */
  calibrationSamples?: readonly Sample[];
  /** Samples whose outputs are compared with those of the model. */
  samples: readonly Sample[];
  budget: Budget;
  /** Called after each step with all that is known; what it throws ends the search. */
  onStep?: OnStep;
  /** What `onStep` was given before, by a search of the same but for the budget: what it measured is not measured again. */
  resume?: SearchState;
}

export interface SearchRequest extends SensitivityRequest {
  /** The preferred one first; the others are tried where it has to leave more than a little in fp32. */
  schemes: readonly Scheme[];
  measure?: Measure;
}

/** A variant within the budget. */
export interface SearchedVariant {
  model: Model;
  scheme: Scheme;
  trial: Trial;
  /** Latency as a ratio to that of the fp32 model, where it was measured. */
  latencyRatio?: Interval;
}

export type SearchResult = {
  /** Every variant that was tried, in order. */
  trail: readonly Trial[];
  /** What each group does alone, the most harmful first; empty where nobody had to ask. */
  ranking: readonly GroupHarm[];
} & (
  | {
      found: true;
      smallest: SearchedVariant;
      fastest: SearchedVariant;
      /** All that are within the budget, the smallest first: what else there is where those two fail elsewhere. */
      within: readonly Trial[];
      variantOf(trial: Trial): SearchedVariant;
    }
  /** `closest` is the trial that uses least of the budget, outside of it all the same. */
  | { found: false; reason: string; closest: Trial }
);

/**
 * Looks for the variants within a budget: the smallest, and where `measure` is given the fastest, and the smallest that is
 * not slower than fp32 beyond doubt, if there is one. Where quantizing everything breaks the budget, nodes stay in fp32 that
 * harm more than they save. The decisions follow from what the steps
 * find alone, so that a search that was stopped goes on from its state. Errors: INVALID_ARGUMENT (no samples or schemes,
 * a senseless budget), CONFLICT (the state is of another search), those of the execution and of `measure`.
 */
export async function searchPrecision(request: SearchRequest): Promise<SearchResult> {
  const parts = [...request.schemes.map(schemeName), request.measure ? 'measured' : 'not measured'];
  return withTrials(request, parts, async (trials, steps, floatBytes) => {
    const { model, schemes, budget, measure } = request;
    const asked = { model, budget, sizeBytes: floatBytes.byteLength, isTimed: measure !== undefined };
    const attempt = await attemptSchemes(trials, schemes, asked);
    const { scheme, quantizer, ranking, within } = attempt;
    const [smallest] = within;
    if (smallest === undefined || quantizer.nodes.length === 0) return refusal(trials.trail, attempt);
    const variantOf = (trial: Trial, latencyRatio?: Interval): SearchedVariant => ({
      model: quantizer.quantize(new Set(trial.kept)),
      scheme,
      trial,
      ...(latencyRatio && { latencyRatio }),
    });
    const timed = measure && (await chooseTimed({ trials, steps, quantizer, floatBytes, measure }, within));
    const first = variantOf(timed?.smallest.trial ?? smallest, timed?.smallest.latencyRatio);
    const isOne = timed === undefined || timed.fastest === timed.smallest;
    const fastest = isOne ? first : variantOf(timed.fastest.trial, timed.fastest.latencyRatio);
    const { trail } = trials;
    return { found: true, smallest: first, fastest, within, variantOf, trail, ranking };
  });
}

/** What each group of nodes that a scheme quantizes does alone, the most harmful first. Errors: those of searchPrecision. */
export async function sensitivity(request: SensitivityRequest, scheme: Scheme): Promise<GroupHarm[]> {
  return withTrials(request, [schemeName(scheme)], async (trials) => {
    const quantizer = await trials.quantizer(scheme);
    return rankGroups(trials, quantizer, groupsOf(request.model, quantizer.nodes), request.budget);
  });
}

async function withTrials<Result>(
  request: SensitivityRequest,
  asked: readonly string[],
  search: (trials: Trials, steps: Steps, floatBytes: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const { model, execution, samples, calibrationSamples = samples, budget } = request;
  checkBudget(budget);
  if (samples.length === 0 || calibrationSamples.length === 0)
    throw new CoveyError('INVALID_ARGUMENT', 'the search needs at least one sample');
  const floatBytes = writeModel(model);
  const fingerprint = await fingerprintOf([
    floatBytes,
    new TextEncoder().encode(JSON.stringify([asked, samples.length])),
    ...bytesOf(calibrationSamples === samples ? samples : [...samples, ...calibrationSamples]),
  ]);
  const steps = new Steps(fingerprint, request.resume, request.onStep);
  const loaded = await execution.load(floatBytes);
  try {
    const reference = new Reference(loaded);
    const trials = new Trials({ model, execution, calibrationSamples, samples, budget, reference, steps });
    return await search(trials, steps, floatBytes);
  } finally {
    await loaded.release();
  }
}

function* bytesOf(samples: readonly Sample[]): Generator<Uint8Array> {
  for (const sample of samples)
    for (const name of Object.keys(sample).sort()) {
      const tensor = sample[name];
      if (tensor !== undefined) yield tensor.data;
    }
}

function refusal(trail: readonly Trial[], { quantizer, whole, ranking }: Attempt): SearchResult {
  if (quantizer.nodes.length === 0)
    return {
      found: false,
      reason: 'the scheme quantizes nothing in this model',
      closest: whole,
      trail,
      ranking,
    };
  const closest = trail.reduce((best, trial) => (trial.use < best.use ? trial : best), whole);
  const broken = closest.reason ?? 'outside of the budget';
  const reason = `no variant is within the budget: with ${closest.kept.length} of ${quantizer.nodes.length} nodes in fp32, ${broken}`;
  return { found: false, reason, closest, trail, ranking };
}
