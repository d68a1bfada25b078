import { type Budget, checkBudget, type Evaluation, type LabelledMetric } from '@covey/onnx';
import { CoveyError } from '@covey/protocol';

/** What a budget may limit, as users write it. */
export const criteria = ['relative-error', 'cosine', 'top-1', 'max-absolute', 'accuracy-drop'] as const;
export type Criterion = (typeof criteria)[number];
export type Limits = Partial<Record<Criterion, number>>;

/** What is lost unseen by most users of a model. */
export const usualLimits: Limits = { 'relative-error': 0.05 };

/** Limits from `criterion=number` options. Errors: INVALID_ARGUMENT naming the option. */
export function parseLimits(texts: Record<string, string>): Limits {
  const limits: Limits = {};
  for (const [name, text] of Object.entries(texts)) {
    const criterion = criteria.find((candidate) => candidate === name);
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!criterion || Number.isNaN(value))
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `--budget ${name}=${text}: a number for one of ${criteria.join(', ')} is wanted, such as relative-error=0.01`,
      );
    limits[criterion] = value;
  }
  if (limits['accuracy-drop'] === undefined) checkBudget(budgetOf(limits, undefined));
  return limits;
}

/**
 * `accuracy` judges labelled samples; `classOutput` holds scores of classes, where that is said.
 * Errors: INVALID_ARGUMENT when the limits need labels and there are none.
 */
export function budgetOf(limits: Limits, accuracy: LabelledMetric | undefined, classOutput?: string): Budget {
  const drop = limits['accuracy-drop'];
  if (drop !== undefined && !accuracy)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      '--budget accuracy-drop needs labels: samples in one subfolder per class, and --classes where the model knows more',
    );
  const named: [keyof Budget, number | undefined][] = [
    ['relativeError', limits['relative-error']],
    ['cosine', limits.cosine],
    ['topAgreement', limits['top-1']],
    ['maxAbsolute', limits['max-absolute']],
  ];
  return {
    ...Object.fromEntries(named.filter(([, value]) => value !== undefined)),
    ...(classOutput !== undefined && { classOutput }),
    ...(drop !== undefined && accuracy && { metric: { metric: accuracy, maxDrop: drop } }),
  };
}

/** Errors: INVALID_ARGUMENT where classes are to agree and the model, by what it answered, tells no classes apart. */
export function requireClasses(limits: Limits, { outputs }: Evaluation): void {
  if (limits['top-1'] === undefined) return;
  if (Object.values(outputs).some(({ topAgreement }) => topAgreement !== null)) return;
  throw new CoveyError(
    'INVALID_ARGUMENT',
    `--budget top-1: no output looks like scores of classes (${Object.keys(outputs).join(', ')}); name it with --class-output and --classes, or limit relative-error or cosine`,
  );
}

/** The limits with `share` (0..1) of what they allow: what is chosen on some samples does a little worse on others. */
export function tightened(limits: Limits, share: number): Limits {
  const atLeast = (value: number) => 1 - (1 - value) * share;
  return Object.fromEntries(
    Object.entries(limits).map(([name, value]) => [
      name,
      name === 'cosine' || name === 'top-1' ? atLeast(value) : value * share,
    ]),
  );
}
