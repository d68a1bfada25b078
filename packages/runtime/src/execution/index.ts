export { createExecution, type Execution, type ExecutionOptions } from './execution.ts';
export { type LatencyOptions, measureLatency, measurePeakMemory } from './measure.ts';
export { serveModels } from './model-runner.ts';
export { runnerChannelFd } from './runner-process.ts';
