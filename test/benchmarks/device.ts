import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentToRuntime, LoadedModel, RuntimeToAgent } from '@covey/protocol';
import { type Program, type ProgramOptions, startProgram } from './program.ts';

/** A runtime process, started and fed as the agent does it. */
export interface Device {
  url: string;
  /** Undefined unless asked for. */
  grpcUrl: string | undefined;
  program: Program;
  /** From the start of the process. */
  readyMs: number;
  appliedMs: number;
}

/** As packages/agent/src/runtime/supervisor.ts starts it. */
const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size'];

/** Starts the runtime at `module` (file URL) and applies a plan of one model. Errors: it cannot start or load the model. */
export async function startDevice(
  module: string,
  model: LoadedModel,
  { grpcPort, ...options }: ProgramOptions & { grpcPort?: number } = {},
): Promise<Device> {
  const startedMs = performance.now();
  const program = startProgram(module, { nodeFlags, ...options });
  const tell = (message: AgentToRuntime) => program.child.send(message);
  const is = (type: RuntimeToAgent['type']) => (message: RuntimeToAgent) =>
    message.type === type || message.type === 'failed';
  const readiness = program.hear(is('ready'));
  const recordPath = join(tmpdir(), `covey-running-${process.pid}-${program.child.pid}`);
  const intervals = { metricsIntervalMs: 10_000, summaryIntervalMs: 60_000 };
  const ports = { port: 0, ...(grpcPort !== undefined && { grpcPort }) };
  tell({ type: 'start', host: '127.0.0.1', ...ports, ...intervals, recordPath, standby: false });
  const ready = await readiness;
  if (ready.type !== 'ready') throw new Error(`the runtime did not start: ${JSON.stringify(ready)}`);
  const readyMs = performance.now() - startedMs;
  const application = program.hear(is('applied'));
  tell({ type: 'apply', plan: { plan: 1, models: [model] } });
  const applied = await application;
  if (applied.type !== 'applied' || applied.error) {
    throw new Error(`the runtime did not load ${model.path}: ${JSON.stringify(applied)}`);
  }
  return {
    url: ready.url,
    grpcUrl: ready.grpcUrl,
    program,
    readyMs,
    appliedMs: performance.now() - startedMs,
  };
}
