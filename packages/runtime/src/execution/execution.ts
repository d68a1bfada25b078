import { CoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import { withModelFile } from './model-file.ts';
import { RunnerProcess } from './runner-process.ts';

export interface ExecutionOptions {
  /** Threads that compute one run; 1 by default. */
  threads?: number;
  /** A run that takes longer ends the process; a minute by default. */
  runTimeoutMs?: number;
}

/** Runs any model, for tools that edit, calibrate and compare; the same shape as the `Execution` of @covey/onnx. */
export interface Execution {
  /** Loads the bytes of an ONNX file. Errors: MODEL_INVALID, MODEL_UNSUPPORTED, RUNTIME_DIED, DEADLINE_EXCEEDED. */
  load(bytes: Uint8Array): Promise<ExecutionModel>;
  /** Ends the process that runs the models. */
  close(): void;
}

export interface ExecutionModel {
  /** Every output that is a tensor. Errors: INPUT_INVALID, INFERENCE_FAILED, MODEL_UNSUPPORTED, RUNTIME_DIED, DEADLINE_EXCEEDED. */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/** Large models are optimized for minutes. */
const loadTimeoutMs = 10 * 60_000;
const defaultRunTimeoutMs = 60_000;

/**
 * ONNX Runtime in a process of its own, on the CPU: a model that crashes it fails with RUNTIME_DIED, one that never ends with
 * DEADLINE_EXCEEDED, and the other models are loaded again when they run next. The caller's event loop stays free. The
 * process starts with the first model; `load` keeps the bytes, unread, until the model is released.
 */
export function createExecution({
  threads = 1,
  runTimeoutMs = defaultRunTimeoutMs,
}: ExecutionOptions = {}): Execution {
  let runner: RunnerProcess | undefined;
  let closed = false;
  let nextModel = 1;
  const running = () => {
    if (closed) throw new CoveyError('MODEL_UNAVAILABLE', 'the execution was closed');
    if (!runner || runner.ended) runner = new RunnerProcess();
    return runner;
  };
  const load = async (bytes: Uint8Array): Promise<ExecutionModel> => {
    const model = nextModel++;
    const loadIn = async (process: RunnerProcess) => {
      await withModelFile(bytes, (path) =>
        process.ask({ kind: 'load', model, path, threads }, loadTimeoutMs),
      );
      return process;
    };
    let home = loadIn(running());
    await home;
    /** Where the model is, loaded again once after a crash, however many runs wait for it. */
    const place = async () => {
      const before = home;
      const process = await before.catch(() => undefined);
      if (process && !process.ended) return process;
      if (home === before) home = loadIn(running());
      return home;
    };
    return {
      run: async (inputs) => {
        const { outputs } = await (await place()).ask({ kind: 'run', model, inputs }, runTimeoutMs);
        if (!outputs) throw new CoveyError('INTERNAL', 'a run was answered without outputs');
        return outputs;
      },
      release: async () => {
        const process = await home.catch(() => undefined);
        if (process && !process.ended) await process.ask({ kind: 'release', model }, runTimeoutMs);
      },
    };
  };
  const close = () => {
    closed = true;
    runner?.close();
  };
  return { load, close };
}
