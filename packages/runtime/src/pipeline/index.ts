export { checkPipelines, clientSchema } from './check.ts';
export { createPipeline, type PipelineResult, type Runnable } from './run.ts';
export { serveSteps } from './serve-steps.ts';
export { createStepThreads, type StepThreads } from './step-threads.ts';
