import {
  CoveyError,
  type Datatype,
  type ModelSchema,
  type Provider,
  type TensorSpec,
  toCoveyError,
} from '@covey/protocol';
import { InferenceSession } from 'onnxruntime-node';
import type { Tensors } from '../tensors/index.ts';
import { ortError } from './ort-error.ts';
import { datatypeOf, fromOrtTensor, toOrtTensor } from './ort-tensors.ts';
import { listProviders } from './providers.ts';
import { exclusively } from './webgpu-lock.ts';

/** A loaded ONNX file. Everything here blocks the thread it runs on: see startExecutor. */
export interface Session {
  /** What it runs on. */
  readonly provider: Provider;
  /** Why that is not what was asked for; absent where it is. */
  readonly fallbackReason?: string;
  /** All outputs of the schema, in memory of the CPU. Errors: INPUT_INVALID, INFERENCE_FAILED with ONNX Runtime's own words. */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface SessionOptions {
  provider: Provider;
  /** Threads that compute one inference on the CPU, at least 1. */
  threads: number;
  /** Fails rather than let the CPU do any of another provider's work. */
  strict?: boolean;
}

/** For looking into what ONNX Runtime does. */
export interface ExactOptions extends SessionOptions {
  /** ONNX Runtime writes on standard error what a PlacementReader reads. */
  tellsPlacement?: boolean;
  /** ONNX Runtime writes a profile to a file whose path begins so; the rest of it on release. */
  profilePrefix?: string;
}

/** Nothing on standard error but fatal faults: every error is in the exception too. */
const fatalOnly = 4;
/** ONNX Runtime's "verbose": says where it puts each node. */
const everything = 0;

/**
 * Loads an ONNX file and checks that it takes and gives what the schema says. Where `webgpu` does not work, or not with this
 * file, the CPU takes over, unless `strict`; the session says why.
 * Errors: MODEL_INVALID (no such file, not ONNX, not what the schema says), MODEL_UNSUPPORTED (operators, opset, types);
 * strict also UNSUPPORTED (no such provider here) and MODEL_UNSUPPORTED (it cannot run all of the model).
 */
export async function openSession(
  path: string,
  schema: ModelSchema,
  options: SessionOptions,
): Promise<Session> {
  if (options.provider === 'cpu') return openExactly(path, schema, options);
  try {
    const missing = (await listProviders())[options.provider];
    if (missing !== null) {
      throw new CoveyError('UNSUPPORTED', `${options.provider} does not work here: ${missing}`);
    }
    return await openExactly(path, schema, options);
  } catch (error) {
    if (options.strict) throw error;
    const session = await openExactly(path, schema, { ...options, provider: 'cpu' });
    return { ...session, fallbackReason: toCoveyError(error, 'UNSUPPORTED').message };
  }
}

/**
 * As `openSession`, on the provider named and no other, of which it is not asked first whether it works: that may end the
 * process.
 */
export async function openExactly(
  path: string,
  schema: ModelSchema,
  options: ExactOptions,
): Promise<Session> {
  const session = await createSession(path, options);
  try {
    checkAgainstSchema(session, schema);
  } catch (error) {
    await inTurn(options.provider, () => session.release());
    throw error;
  }
  const outputNames = schema.outputs.map(({ name }) => name);
  return sessionOf(session, options.provider, outputNames);
}

/**
 * Loads an ONNX file on the CPU, whatever it takes and gives: a run answers every output that is a tensor; sequences and
 * maps are left out. Errors: MODEL_INVALID, MODEL_UNSUPPORTED (also when no output is a tensor).
 */
export async function openAnySession(path: string, threads: number): Promise<Session> {
  const session = await createSession(path, { provider: 'cpu', threads });
  const tensors = session.outputMetadata.filter(({ isTensor }) => isTensor);
  if (tensors.length === 0) {
    await session.release();
    throw new CoveyError('MODEL_UNSUPPORTED', 'none of its outputs is a tensor');
  }
  const outputNames = tensors.map(({ name }) => name);
  return sessionOf(session, 'cpu', outputNames);
}

function createSession(
  path: string,
  { provider, threads, strict = false, tellsPlacement = false, profilePrefix }: ExactOptions,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: tellsPlacement ? everything : fatalOnly,
    ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
    extra: {
      session: {
        // Spinning threads would burn what HTTP and the other models need.
        intra_op: { allow_spinning: '0' },
        ...(strict && provider !== 'cpu' && { disable_cpu_ep_fallback: '1' }),
      },
    },
  };
  return inTurn(provider, () => InferenceSession.create(path, options)).catch((cause: Error) => {
    throw loadError(cause, path);
  });
}

function inTurn<T>(provider: Provider, work: () => Promise<T>): Promise<T> {
  return provider === 'webgpu' ? exclusively(work) : work();
}

function sessionOf(session: InferenceSession, provider: Provider, outputNames: string[]): Session {
  return {
    provider,
    run: async (inputs) => {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, tensor]) => [name, toOrtTensor(tensor)]),
      );
      const results = await inTurn(provider, () =>
        session.run(feeds, outputNames, { logSeverityLevel: fatalOnly }),
      ).catch((cause: Error) => {
        throw ortError('INFERENCE_FAILED', cause);
      });
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [name, fromOrtTensor(tensor)]),
      );
    },
    release: () => inTurn(provider, () => session.release()),
  };
}

function loadError(cause: Error, path: string): CoveyError {
  // ONNX Runtime gives words, no codes, to JavaScript.
  const unsupported =
    /opset|not a registered function|NOT_IMPLEMENTED|Could not find an implementation|Unsupported data type|fallback to CPU EP has been/i;
  const code = unsupported.test(cause.message) ? 'MODEL_UNSUPPORTED' : 'MODEL_INVALID';
  return ortError(code, cause, path);
}

function checkAgainstSchema(session: InferenceSession, schema: ModelSchema): void {
  const inputs = session.inputMetadata;
  for (const { name } of inputs) {
    if (!schema.inputs.some((spec) => spec.name === name)) {
      throw new CoveyError('MODEL_INVALID', `the file takes an input ${name} that the schema does not name`);
    }
  }
  for (const spec of schema.inputs) checkTensor('input', spec, inputs);
  for (const spec of schema.outputs) checkTensor('output', spec, session.outputMetadata);
}

function checkTensor(
  what: 'input' | 'output',
  spec: TensorSpec,
  metadata: readonly InferenceSession.ValueMetadata[],
): void {
  const found = metadata.find(({ name }) => name === spec.name);
  if (found === undefined) throw new CoveyError('MODEL_INVALID', `the file has no ${what} ${spec.name}`);
  if (!found.isTensor) {
    throw new CoveyError('MODEL_UNSUPPORTED', `${what} ${spec.name} is a sequence or map, not a tensor`);
  }
  const datatype: Datatype | undefined = datatypeOf(found.type);
  if (datatype !== spec.datatype) {
    throw new CoveyError(
      'MODEL_INVALID',
      `${what} ${spec.name} is ${datatype ?? found.type} in the file and ${spec.datatype} in the schema`,
    );
  }
}
