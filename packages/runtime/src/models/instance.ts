import { readFile } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import type { Clock, Log } from '@covey/ports';
import { CoveyError, type LoadedModel, limits, type Summary, SummarySchema } from '@covey/protocol';
import { checkSummary } from '@covey/stats';
import { startExecutor, warmUp } from '../executor/index.ts';
import type { RunOptions, RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';

/** One version in one variant, loaded and warm. */
export interface Instance {
  readonly model: LoadedModel;
  /** Errors: INPUT_INVALID, INFERENCE_FAILED, OVERLOADED, MODEL_UNAVAILABLE, RUNTIME_DIED, DEADLINE_EXCEEDED. */
  run(inputs: Tensors, options: RunOptions): Promise<RunResult>;
  /** Lets pending runs finish, then releases the model. */
  close(): Promise<void>;
  /** Gives the ranges that out-of-range counts use. */
  readonly reference: Summary | undefined;
}

/** Longest time one inference may take before its thread is given up. */
const runTimeoutMs = 60_000;
/** Requests that may wait for one model. */
const maxPending = 64;

/** Equal for equal instances: what must be loaded anew when it differs. */
export function instanceKey({ ref, variant, provider, path }: LoadedModel): string {
  return [ref.model, ref.bundle, variant, provider, path].join('\n');
}

/** Loads and warms. Errors: MODEL_INVALID, MODEL_UNSUPPORTED, UNSUPPORTED (provider), INFERENCE_FAILED, all naming the model. */
export async function loadInstance(model: LoadedModel, ports: { clock: Clock; log: Log }): Promise<Instance> {
  const { schema, path, provider, ref } = model;
  try {
    if (provider !== 'cpu') throw new CoveyError('UNSUPPORTED', `provider ${provider} is not available here`);
    const reference =
      model.referencePath === undefined ? undefined : await readReference(model.referencePath);
    const executor = await startExecutor({ ...ports, path, schema, runTimeoutMs, maxPending });
    try {
      await warmUp((inputs) => executor.run(inputs), schema);
    } catch (error) {
      await executor.close();
      throw error;
    }
    return {
      model,
      reference,
      run: async (inputs) => {
        const calledMs = performance.now();
        const { outputs, runMs } = await executor.run(inputs);
        const queueMs = performance.now() - calledMs - runMs;
        return { outputs, timings: { queueMs, inputMs: 0, inferMs: runMs, outputMs: 0, batchSize: 1 } };
      },
      close: () => executor.close(),
    };
  } catch (error) {
    if (!(error instanceof CoveyError)) throw error;
    const message = `model ${ref.model} ${ref.version} (${model.variant}): ${error.message}`;
    throw new CoveyError(error.code, message, { cause: error });
  }
}

async function readReference(path: string): Promise<Summary> {
  try {
    const bytes = await readFile(path);
    if (bytes.byteLength > limits.telemetryBytes) {
      throw new CoveyError('PAYLOAD_TOO_LARGE', `it has ${bytes.byteLength} bytes`);
    }
    const summary = fromBinary(SummarySchema, bytes);
    checkSummary(summary);
    return summary;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CoveyError('MODEL_INVALID', `reference summary: ${message}`, { cause });
  }
}
