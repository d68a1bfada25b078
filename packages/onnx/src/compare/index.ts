export {
  type BehaviourComparison,
  type BehaviourOptions,
  compareBehaviour,
  type LayerDrift,
} from './behaviour.ts';
export {
  type Budget,
  type BudgetVerdict,
  checkBudget,
  type Evaluation,
  errorLimits,
  withinBudget,
} from './budget.ts';
export { sameBytes } from './equality.ts';
export type { OutputError, OutputErrors } from './errors.ts';
export { type LabelledMetric, topAccuracy } from './metric.ts';
export { compareModels, type ModelComparison, type PropertyChange } from './models.ts';
export type { NodeReference, NodesComparison } from './nodes.ts';
export { type Answers, type Behaviour, compareRuns } from './runs.ts';
export type { WeightComparison, WeightsComparison } from './weights.ts';
