import { streamLog, systemClock } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { createEngine } from '../engine/index.ts';
import { nodePlatform, startInlineExecutor } from '../node/index.ts';
import {
  engineOptionsOf,
  openRuntime,
  type Runtime as ProgramRuntime,
  type ServingOptions,
} from '../program/index.ts';
import { loadedModel, type ModelFile } from './model-file.ts';

/** Models served in a Node program. */
export type Runtime = ProgramRuntime<ModelFile>;

export interface OpenOptions extends ServingOptions {
  /**
   * Runs models in this thread: an inference is about as fast as ONNX Runtime alone, and **nothing else of the program runs
   * while a model computes or is loaded**: no timer, no other request. For models that answer within what the program may
   * stand still, or programs that have nothing else to do. A run that hangs is not given up. Left out: each in a thread.
   */
  inline?: boolean;
}

/**
 * Serves ONNX files in this program, each in a thread of its own unless `inline`. A native fault in a model ends the program: where that
 * must not be, let `covey agent` serve it in a process of its own.
 * Errors: NOT_FOUND (a file), MODEL_INVALID, MODEL_UNSUPPORTED, INFERENCE_FAILED, INVALID_DOCUMENT (version, settings, pipeline, routes).
 */
export function open(models: readonly ModelFile[], options: OpenOptions = {}): Promise<Runtime> {
  const engine = createEngine({
    platform: nodePlatform,
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    fetch: nodeFetch,
    ...(options.inline && { startExecutor: startInlineExecutor }),
    ...engineOptionsOf(options),
  });
  const load = (files: readonly ModelFile[]) => Promise.all(files.map(loadedModel));
  return openRuntime(engine, { load, opened: () => {} }, models, options.routes);
}
