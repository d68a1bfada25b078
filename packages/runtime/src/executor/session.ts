import {
  CoveyError,
  type Datatype,
  type ModelSchema,
  type Provider,
  type TensorSpec,
  toCoveyError,
} from '@covey/protocol';
import type { InferenceSession } from 'onnxruntime-common';
import type { Tensors } from '../tensors/index.ts';
import type { Backend, ExactOptions, SessionOptions } from './backend.ts';
import { ortError } from './ort-error.ts';
import { datatypeOf, fromOrtTensor, toOrtTensor } from './ort-tensors.ts';

/** A loaded ONNX file. Everything here blocks the thread it runs on: see startExecutor. */
export interface Session {
  /** What it runs on. */
  readonly provider: Provider;
  /** Why that is not what was asked for; absent where it is. */
  readonly fallbackReason?: string;
  /**
   * All outputs of the schema, in memory of the CPU. Errors: INPUT_INVALID, INFERENCE_FAILED with ONNX Runtime's own words,
   * RUNTIME_DIED when nothing of this thread's will run any more.
   */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/** Loads models with the ONNX Runtime of one platform. */
export interface Sessions {
  /**
   * Loads an ONNX file and checks that it takes and gives what the schema says. Where `webgpu` does not work, or not with this
   * file, the CPU takes over, unless `strict`; the session says why.
   * Errors: MODEL_INVALID (no such file, not ONNX, not what the schema says), MODEL_UNSUPPORTED (operators, opset, types);
   * strict also UNSUPPORTED (no such provider here) and MODEL_UNSUPPORTED (it cannot run all of the model).
   */
  openSession(path: string, schema: ModelSchema, options: SessionOptions): Promise<Session>;
  /**
   * As `openSession`, on the provider named and no other, of which it is not asked first whether it works: that may end the
   * process.
   */
  openExactly(path: string, schema: ModelSchema, options: ExactOptions): Promise<Session>;
  /**
   * Loads an ONNX file on the CPU, whatever it takes and gives: a run answers every output that is a tensor; sequences and
   * maps are left out. Errors: MODEL_INVALID, MODEL_UNSUPPORTED (also when no output is a tensor).
   */
  openAnySession(path: string, threads: number): Promise<Session>;
}

/** Nothing on standard error but fatal faults: every error is in the exception too. */
const fatalOnly = 4;
const runOptions: InferenceSession.RunOptions = { logSeverityLevel: fatalOnly };

export function createSessions(backend: Backend): Sessions {
  const openExactly = async (path: string, schema: ModelSchema, options: ExactOptions) => {
    const session = await load(backend, path, options);
    try {
      checkAgainstSchema(session, schema);
    } catch (error) {
      await backend.inTurn(options.provider, () => session.release());
      throw error;
    }
    const outputNames = schema.outputs.map(({ name }) => name);
    return sessionOf(backend, session, options.provider, outputNames);
  };
  return {
    openExactly,
    openSession: async (path, schema, options) => {
      if (options.provider === 'cpu') return openExactly(path, schema, options);
      try {
        const missing = (await backend.listProviders())[options.provider];
        if (missing !== null) {
          throw new CoveyError('UNSUPPORTED', `${options.provider} does not work here: ${missing}`);
        }
        return await openExactly(path, schema, options);
      } catch (error) {
        if (options.strict) throw error;
        const session = await openExactly(path, schema, { ...options, provider: 'cpu' });
        return { ...session, fallbackReason: toCoveyError(error, 'UNSUPPORTED').message };
      }
    },
    openAnySession: async (path, threads) => {
      const session = await load(backend, path, { provider: 'cpu', threads });
      const tensors = session.outputMetadata.filter(({ isTensor }) => isTensor);
      if (tensors.length === 0) {
        await session.release();
        throw new CoveyError('MODEL_UNSUPPORTED', 'none of its outputs is a tensor');
      }
      const outputNames = tensors.map(({ name }) => name);
      return sessionOf(backend, session, 'cpu', outputNames);
    },
  };
}

function load(backend: Backend, path: string, options: ExactOptions): Promise<InferenceSession> {
  return backend
    .inTurn(options.provider, () => backend.load(path, options))
    .catch((cause: unknown) => {
      throw loadError(cause, path);
    });
}

function sessionOf(
  backend: Backend,
  session: InferenceSession,
  provider: Provider,
  outputNames: string[],
): Session {
  return {
    provider,
    run: async (inputs) => {
      const feeds = mapped(inputs, (tensor) => toOrtTensor(backend.Tensor, tensor));
      try {
        return mapped(
          await backend.inTurn(provider, () => session.run(feeds, outputNames, runOptions)),
          fromOrtTensor,
        );
      } catch (error) {
        if (!(error instanceof Error) || error instanceof CoveyError) throw error;
        throw ortError(backend.isFatal(error) ? 'RUNTIME_DIED' : 'INFERENCE_FAILED', error);
      }
    },
    release: () => backend.inTurn(provider, () => session.release()),
  };
}

/** Not by way of entries: with a list for each tensor that took 2 us of a request. */
function mapped<From, To>(
  values: Readonly<Record<string, From>>,
  to: (value: From) => To,
): Record<string, To> {
  const result: Record<string, To> = {};
  for (const name of Object.keys(values)) result[name] = to(values[name] as From);
  return result;
}

function loadError(cause: unknown, path: string): CoveyError {
  // What keeps its bytes has words of its own.
  if (cause instanceof CoveyError) return cause;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  // ONNX Runtime gives words, no codes, to JavaScript.
  const unsupported =
    /opset|not a registered function|NOT_IMPLEMENTED|Could not find an implementation|Unsupported data type|fallback to CPU EP has been/i;
  const code = unsupported.test(error.message) ? 'MODEL_UNSUPPORTED' : 'MODEL_INVALID';
  return ortError(code, error, path);
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
