import { CoveyError, type Datatype, type ModelSchema, type TensorSpec } from '@covey/protocol';
import { InferenceSession } from 'onnxruntime-node';
import type { Tensors } from '../tensors/index.ts';
import { ortError } from './ort-error.ts';
import { datatypeOf, fromOrtTensor, toOrtTensor } from './ort-tensors.ts';

/** A loaded ONNX file. Everything here blocks the thread it runs on: see startExecutor. */
export interface Session {
  /** All outputs of the schema. Errors: INPUT_INVALID, INFERENCE_FAILED with ONNX Runtime's own words. */
  run(inputs: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/**
 * One thread per served session: on busy cores, two were slower; alone on two idle cores, two are faster (README,
 * figures).
 */
const servingThreads = 1;

/** Spinning threads would burn what HTTP and the other models need. */
const options = {
  executionProviders: ['cpu'],
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  // Nothing on standard error but fatal faults: every error is in the exception too.
  logSeverityLevel: 4,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} as const satisfies InferenceSession.SessionOptions;

/**
 * Loads an ONNX file on the CPU and checks that it takes and gives what the schema says.
 * Errors: MODEL_INVALID (no such file, not ONNX, not what the schema says), MODEL_UNSUPPORTED (operators, opset, types).
 */
export async function openSession(path: string, schema: ModelSchema): Promise<Session> {
  const session = await createSession(path, servingThreads);
  try {
    checkAgainstSchema(session, schema);
  } catch (error) {
    await session.release();
    throw error;
  }
  return sessionOf(
    session,
    schema.outputs.map(({ name }) => name),
  );
}

/**
 * Loads an ONNX file on the CPU, whatever it takes and gives: a run answers every output that is a tensor; sequences and
 * maps are left out. Errors: MODEL_INVALID, MODEL_UNSUPPORTED (also when no output is a tensor).
 */
export async function openAnySession(path: string, threads: number): Promise<Session> {
  const session = await createSession(path, threads);
  const tensors = session.outputMetadata.filter(({ isTensor }) => isTensor);
  if (tensors.length === 0) {
    await session.release();
    throw new CoveyError('MODEL_UNSUPPORTED', 'none of its outputs is a tensor');
  }
  return sessionOf(
    session,
    tensors.map(({ name }) => name),
  );
}

function createSession(path: string, intraOpNumThreads: number): Promise<InferenceSession> {
  return InferenceSession.create(path, { ...options, intraOpNumThreads }).catch((cause: Error) => {
    throw loadError(cause, path);
  });
}

function sessionOf(session: InferenceSession, outputNames: string[]): Session {
  return {
    run: async (inputs) => {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, tensor]) => [name, toOrtTensor(tensor)]),
      );
      const results = await session.run(feeds, outputNames, { logSeverityLevel: 4 }).catch((cause: Error) => {
        throw ortError('INFERENCE_FAILED', cause);
      });
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [name, fromOrtTensor(tensor)]),
      );
    },
    release: () => session.release(),
  };
}

function loadError(cause: Error, path: string): CoveyError {
  // ONNX Runtime gives words, no codes, to JavaScript.
  const unsupported =
    /opset|not a registered function|NOT_IMPLEMENTED|Could not find an implementation|Unsupported data type/i;
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
