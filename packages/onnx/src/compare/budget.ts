import { CoveyError } from '@covey/protocol';
import type { OutputError, OutputErrors } from './errors.ts';
import type { LabelledMetric } from './metric.ts';

/** What a variant may lose against the model it was made from: every criterion named holds for every output it binds. */
export interface Budget {
  /** The outputs that the criteria bind: all where absent. */
  outputs?: readonly string[];
  /** The output that holds scores of classes; where absent they are found by what they look like (compareRuns). */
  classOutput?: string;
  /** At most. */
  relativeError?: number;
  /** At least. */
  cosine?: number;
  /** At least, of the outputs that decide something. */
  topAgreement?: number;
  /** At most. */
  maxAbsolute?: number;
  /** The user's own quality on labelled samples may be lower than the reference's by `maxDrop` at most. */
  metric?: { metric: LabelledMetric; maxDrop: number };
}

/** What one variant was found to lose. */
export interface Evaluation {
  outputs: OutputErrors;
  /** The user's own quality of the reference and of the variant. */
  metric?: { name: string; reference: number; candidate: number };
}

/** `use` is the part of the budget that is used up, of the tightest criterion: at most 1 within it. */
export type BudgetVerdict = { within: true; use: number } | { within: false; use: number; reason: string };

/** Criteria are called as users of `covey` write them. Errors: INVALID_ARGUMENT for a budget that limits nothing, or by a number that its criterion cannot have. */
export function checkBudget(budget: Budget): void {
  const { relativeError, cosine, topAgreement, maxAbsolute, metric } = budget;
  const limits: [string, number | undefined, number, number][] = [
    ['relative-error', relativeError, 0, Number.MAX_VALUE],
    ['cosine', cosine, -1, 1],
    ['top-1', topAgreement, 0, 1],
    ['max-absolute', maxAbsolute, 0, Number.MAX_VALUE],
    ['accuracy-drop', metric?.maxDrop, 0, Number.MAX_VALUE],
  ];
  if (limits.every(([, value]) => value === undefined))
    throw new CoveyError('INVALID_ARGUMENT', 'the budget limits nothing: name at least one criterion');
  for (const [name, value, least, most] of limits)
    if (value !== undefined && !(value >= least && value <= most))
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `the budget's ${name} is ${value}, not between ${least} and ${most}`,
      );
}

/** The part of a budget that holds for any samples, labelled or not; undefined where there is none. */
export function errorLimits({ metric: _, ...limits }: Budget): Budget | undefined {
  const { relativeError, cosine, topAgreement, maxAbsolute } = limits;
  const limited = [relativeError, cosine, topAgreement, maxAbsolute].some((limit) => limit !== undefined);
  return limited ? limits : undefined;
}

/** Whether an evaluation keeps a budget, with the criterion that is broken worst. What was not evaluated breaks it. */
export function withinBudget({ outputs, metric }: Evaluation, budget: Budget): BudgetVerdict {
  const names = budget.outputs ?? Object.keys(outputs);
  const charges = names.flatMap((name) => outputCharges(name, outputs[name], budget));
  const decided = names.some((name) => (outputs[name]?.topAgreement ?? null) !== null);
  if (budget.topAgreement !== undefined && !decided)
    charges.push({ use: Number.MAX_VALUE, text: 'no output decides between classes' });
  if (budget.metric !== undefined) {
    const { name } = budget.metric.metric;
    const drop = metric === undefined ? Number.NaN : metric.reference - metric.candidate;
    charges.push({
      use: useOf(drop, budget.metric.maxDrop),
      text: `${name} drops by ${show(drop)}, more than ${show(budget.metric.maxDrop)}`,
    });
  }
  const [worst] = charges.sort((a, b) => b.use - a.use);
  if (worst === undefined) return { within: false, use: Number.MAX_VALUE, reason: 'nothing was compared' };
  const { use, text } = worst;
  return use <= 1 ? { within: true, use } : { within: false, use, reason: text };
}

interface Charge {
  use: number;
  text: string;
}

function outputCharges(name: string, error: OutputError | undefined, budget: Budget): Charge[] {
  if (error === undefined) return [{ use: Number.MAX_VALUE, text: `output "${name}" was not compared` }];
  const charges: Charge[] = [];
  const most = (criterion: string, value: number, limit: number | undefined) => {
    if (limit !== undefined)
      charges.push({
        use: useOf(value, limit),
        text: `output "${name}": ${criterion} ${show(value)} is above ${show(limit)}`,
      });
  };
  const least = (criterion: string, value: number, limit: number | undefined) => {
    if (limit !== undefined)
      charges.push({
        use: useOf(1 - value, 1 - limit),
        text: `output "${name}": ${criterion} ${show(value)} is below ${show(limit)}`,
      });
  };
  most('relative error', error.relativeError, budget.relativeError);
  most('greatest error', error.maxAbsolute, budget.maxAbsolute);
  least('cosine', error.cosine, budget.cosine);
  if (error.topAgreement !== null) least('top-1 agreement', error.topAgreement, budget.topAgreement);
  return charges;
}

/** The share of `limit` that `value` takes; what is not a number takes more than all of it. */
function useOf(value: number, limit: number): number {
  if (Number.isNaN(value)) return Number.MAX_VALUE;
  if (value <= limit) return value <= 0 ? 0 : value / limit;
  return Math.min(Number.MAX_VALUE, limit > 0 ? value / limit : Number.MAX_VALUE);
}

function show(value: number): string {
  return value === Number.MAX_VALUE ? 'without bound' : String(Number(value.toPrecision(6)));
}
