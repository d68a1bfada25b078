export { execute, type StepContext } from './execute.ts';
