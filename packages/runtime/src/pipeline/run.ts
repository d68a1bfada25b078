import {
  type Classification,
  CoveyError,
  givenBy,
  type LoadedModel,
  type Pipeline,
  readBy,
  type Stage,
  stageName,
  type Tensor,
  toCoveyError,
} from '@covey/protocol';
import type { RunOptions, RunResult, Timings } from '../scheduler/index.ts';
import { checkInputs, encodeTexts, type Tensors } from '../tensors/index.ts';
import type { TracedPart } from '../trace/index.ts';
import { isShort, type NumberStep, runStep, type Step } from './step.ts';
import type { StepThreads } from './step-threads.ts';

/** What answers inputs: a loaded model, or a pipeline around one. The schema is that of its ONNX file. */
export interface Runnable {
  readonly model: LoadedModel;
  /** `inputs` fit the schema. Errors: those of Instance.run. */
  run(inputs: Tensors, options: RunOptions): Promise<RunResult>;
}

export interface PipelineParts {
  pipeline: Pipeline;
  /** The bundle's own model. */
  own: Runnable;
  /** What clients of another model would be answered by at this moment. Errors: MODEL_UNKNOWN, MODEL_UNAVAILABLE. */
  find(model: string, version: string | undefined): Runnable;
  threads: StepThreads;
  classification: Classification | undefined;
}

export interface PipelineResult extends RunResult {
  /** What the bundle's own model was given and gave, where a stage ran it: measured against its own reference. */
  own: { inputs: Tensors; outputs: Tensors } | undefined;
}

/** Runs every stage as soon as what it reads is there. */
export interface PipelineRunner {
  /** `inputs` fit those that the pipeline declares. Timings are sums over the stages. Errors: those of the stages, naming them. */
  run(inputs: Tensors, options: RunOptions): Promise<PipelineResult>;
}

export function createPipeline(parts: PipelineParts): PipelineRunner {
  const afterModel = stagesAfterModels(parts.pipeline);
  return { run: (inputs, options) => runPipeline(parts, afterModel, inputs, options) };
}

/** What one stage gave, in the order of givenBy. */
interface StageResult {
  outputs: Tensor[];
  timings: Timings;
  own?: PipelineResult['own'];
  /** The version that ran, of a stage that is a model. */
  model?: LoadedModel;
}

async function runPipeline(
  parts: PipelineParts,
  afterModel: ReadonlySet<Stage>,
  inputs: Tensors,
  options: RunOptions,
): Promise<PipelineResult> {
  const { stages, outputs } = parts.pipeline;
  const coming = new Map<string, Promise<Tensor>>(
    Object.entries(inputs).map(([name, tensor]) => [name, Promise.resolve(tensor)]),
  );
  const running = stages.map((stage, index) => {
    const read = readBy(stage).map((name) => coming.get(name));
    const result = runStage(parts, stage, index, read, afterModel.has(stage), options);
    for (const [i, name] of givenBy(stage).entries()) {
      const tensor = result.then((given) => requireTensor(given.outputs[i], stage, index, name));
      // A stage that fails is told of once, below.
      tensor.catch(() => {});
      coming.set(name, tensor);
    }
    return result;
  });
  // All have ended before this has: nobody looks at the inputs any more.
  const ended = await Promise.allSettled(running);
  const failed = ended.find((stage) => stage.status === 'rejected');
  if (failed) throw failed.reason;
  const results = await Promise.all(running);
  const named = outputs.map(async ({ name }) => [name, await coming.get(name)] as const);
  return {
    outputs: Object.fromEntries(await Promise.all(named)) as Tensors,
    timings: results.map(({ timings }) => timings).reduce(sumOf),
    own: results.find(({ own }) => own)?.own,
  };
}

async function runStage(
  parts: PipelineParts,
  stage: Stage,
  index: number,
  read: (Promise<Tensor> | undefined)[],
  isAfterModel: boolean,
  options: RunOptions,
): Promise<StageResult> {
  const inputs = await Promise.all(read);
  const trace = options.trace?.within();
  const fromMs = trace ? performance.now() : 0;
  const end = (attributes: TracedPart['attributes'], error?: string) =>
    trace?.end({ name: stageName(stage, index), fromMs, toMs: performance.now(), attributes, error });
  try {
    const within = trace ? { ...options, trace } : options;
    const result =
      stage.kind === 'model'
        ? await runModel(parts, stage, inputs, within)
        : await runOne(parts, stage, inputs, isAfterModel, within);
    if (trace) end(attributesOf(result));
    return result;
  } catch (cause) {
    const { code, message } = toCoveyError(cause, 'INFERENCE_FAILED');
    end({}, code);
    throw new CoveyError(code, `${stageName(stage, index)}: ${message}`, { cause });
  }
}

function attributesOf({ model, timings }: StageResult): TracedPart['attributes'] {
  const { queueMs, inferMs, batchSize } = timings;
  if (!model) return { 'covey.queue_ms': queueMs };
  return {
    'covey.model': model.ref.model,
    'covey.version': model.ref.version,
    'covey.variant': model.variant,
    'covey.queue_ms': queueMs,
    'covey.infer_ms': inferMs,
    'covey.batch_size': batchSize,
  };
}

async function runModel(
  { own, find }: PipelineParts,
  stage: Extract<Stage, { kind: 'model' }>,
  read: (Tensor | undefined)[],
  options: RunOptions,
): Promise<StageResult> {
  const target = stage.model === undefined ? own : find(stage.model, stage.version);
  const names = Object.keys(stage.inputs);
  const inputs: Tensors = {};
  for (const [i, name] of names.entries()) {
    const tensor = read[i];
    if (tensor) inputs[name] = tensor;
  }
  checkInputs(target.model.schema, inputs);
  const { outputs, timings } = await target.run(inputs, options);
  const given = Object.keys(stage.outputs).map((name) => outputs[name]);
  return {
    outputs: given.filter((tensor) => tensor !== undefined),
    timings,
    model: target.model,
    ...(target === own && { own: { inputs, outputs } }),
  };
}

async function runOne(
  { threads, classification }: PipelineParts,
  step: Step,
  inputs: (Tensor | undefined)[],
  isAfterModel: boolean,
  options: RunOptions,
): Promise<StageResult> {
  const timed = isShort(step, inputs) ? runHere(step, inputs) : await threads.run(step, inputs, options);
  const { outputs, queueMs, workMs } = timed;
  if (step.kind === 'top-k' && step.labels !== undefined)
    outputs.push(labelsOf(outputs[1], classification?.classNames ?? []));
  const [inputMs, outputMs] = isAfterModel ? [0, workMs] : [workMs, 0];
  return { outputs, timings: { queueMs, inputMs, inferMs: 0, outputMs, batchSize: 1 } };
}

function runHere(step: NumberStep, inputs: (Tensor | undefined)[]) {
  const startedMs = performance.now();
  const outputs = runStep(step, inputs);
  return { outputs, queueMs: 0, workMs: performance.now() - startedMs };
}

/** Class names in the place of indices. */
function labelsOf(indices: Tensor | undefined, classNames: readonly string[]): Tensor {
  const places = new Int32Array(new Uint8Array(indices?.data ?? []).buffer);
  const names = Array.from(places, (place) => classNames[place] ?? '');
  return { datatype: 'BYTES', shape: indices?.shape ?? [0], data: encodeTexts(names) };
}

function requireTensor(tensor: Tensor | undefined, stage: Stage, index: number, name: string): Tensor {
  if (tensor) return tensor;
  throw new CoveyError('INFERENCE_FAILED', `${stageName(stage, index)}: it gave no ${name}`);
}

/** Steps whose time is spent on what a model gave, and not on what it takes. */
function stagesAfterModels({ stages }: Pipeline): ReadonlySet<Stage> {
  const fromModels = new Set<string>();
  const after = new Set<Stage>();
  for (const stage of stages) {
    const isAfter = readBy(stage).some((name) => fromModels.has(name));
    if (isAfter) after.add(stage);
    if (isAfter || stage.kind === 'model') for (const name of givenBy(stage)) fromModels.add(name);
  }
  return after;
}

function sumOf(a: Timings, b: Timings): Timings {
  return {
    queueMs: a.queueMs + b.queueMs,
    inputMs: a.inputMs + b.inputMs,
    inferMs: a.inferMs + b.inferMs,
    outputMs: a.outputMs + b.outputMs,
    batchSize: Math.max(a.batchSize, b.batchSize),
  };
}
