export { type Observed, plan, type Step, type StepKind } from './plan.ts';
