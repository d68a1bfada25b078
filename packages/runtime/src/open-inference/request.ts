import {
  CoveyError,
  type LoadedModel,
  type ModelSchema,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import { type InferenceBody, needsExactIntegers, rawTensor, tensorFromJson } from '../http/index.ts';
import { checkForm, checkInput, type Tensors } from '../tensors/index.ts';
import type { InputDocument, Parameters, RequestDocument } from './document.ts';
import { Headers, readDocument } from './headers.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** An output to answer with. */
export interface RequestedOutput {
  name: string;
  binary: boolean;
  /** Of the classification extension: how many of the greatest; 0 for the tensor itself. */
  classes: number;
}

/** An inference request, checked against the model's schema. */
export interface InferenceRequest extends Schedule {
  id: string | undefined;
  inputs: Tensors;
  /** In order. */
  outputs: RequestedOutput[];
}

const headers = new Headers();

/** Reads and checks a request. Errors: INVALID_DOCUMENT, INPUT_INVALID (names the tensor, expected and got), UNSUPPORTED. */
export function readRequest({ json, binary }: InferenceBody, { schema }: LoadedModel): InferenceRequest {
  if (binary && json.byteLength === 0) {
    return {
      id: undefined,
      priority: 0,
      timeoutMs: undefined,
      inputs: rawInput(binary, schema),
      outputs: schema.outputs.map(({ name }) => ({ name, binary: true, classes: 0 })),
    };
  }
  const exactIntegers = needsExactIntegers(schema.inputs);
  const document = binary ? headers.read(json, exactIntegers) : readDocument(json, exactIntegers);
  refuseSharedMemory(document.parameters);
  return {
    id: document.id,
    ...scheduleOf(document.parameters),
    inputs: inputsOf(document.inputs, binary ?? new Uint8Array(), schema),
    outputs: outputsOf(document, schema),
  };
}

/** Binary extension, "Raw Binary Request": all bytes are the one input. Errors: INPUT_INVALID. */
function rawInput(binary: Uint8Array, { inputs }: ModelSchema): Tensors {
  const [spec, ...others] = inputs;
  if (spec === undefined || others.length > 0) {
    throw new CoveyError('INPUT_INVALID', 'a raw request needs a model with one input');
  }
  const tensor = rawTensor(spec, binary);
  checkInput(spec, tensor);
  return { [spec.name]: tensor };
}

function inputsOf(given: readonly InputDocument[], binary: Uint8Array, schema: ModelSchema): Tensors {
  const inputs: Tensors = {};
  let offset = 0;
  for (const input of given) {
    const spec = schema.inputs.find((candidate) => candidate.name === input.name);
    if (spec === undefined) throw unknownTensor('input', input.name, schema.inputs);
    if (Object.hasOwn(inputs, input.name)) {
      throw new CoveyError('INPUT_INVALID', `input ${input.name} is given twice`);
    }
    refuseSharedMemory(input.parameters);
    const { shape } = input;
    checkForm(spec, input);
    const sizeBytes = binarySize(input.name, input.parameters);
    if (sizeBytes === undefined) {
      inputs[input.name] = tensorFromJson(input.name, spec.datatype, shape, input.data);
      continue;
    }
    const data = binary.subarray(offset, offset + sizeBytes);
    if (input.data !== undefined || data.byteLength !== sizeBytes) {
      const what =
        input.data === undefined ? `${data.byteLength} bytes of binary data are left` : 'so is data';
      throw new CoveyError('INPUT_INVALID', `input ${input.name}: binary_data_size is ${sizeBytes}, ${what}`);
    }
    offset += sizeBytes;
    const tensor: Tensor = { datatype: spec.datatype, shape, data };
    checkInput(spec, tensor);
    inputs[input.name] = tensor;
  }
  if (offset !== binary.byteLength) {
    const message = `${binary.byteLength - offset} bytes of binary data belong to no input`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  const missing = schema.inputs.find((spec) => !Object.hasOwn(inputs, spec.name));
  if (missing) throw new CoveyError('INPUT_INVALID', `input ${missing.name} is missing`);
  return inputs;
}

/** All outputs when none is named. */
function outputsOf({ outputs, parameters }: RequestDocument, schema: ModelSchema): RequestedOutput[] {
  const binaryByDefault = flag('inference request', parameters, 'binary_data_output') ?? false;
  if (outputs === undefined || outputs.length === 0) {
    return schema.outputs.map(({ name }) => ({ name, binary: binaryByDefault, classes: 0 }));
  }
  const seen = new Set<string>();
  return outputs.map(({ name, parameters: own }) => {
    if (!schema.outputs.some((spec) => spec.name === name)) {
      throw unknownTensor('output', name, schema.outputs);
    }
    if (seen.has(name)) throw new CoveyError('INPUT_INVALID', `output ${name} is asked for twice`);
    seen.add(name);
    refuseSharedMemory(own);
    const binary = flag(`output ${name}`, own, 'binary_data') ?? binaryByDefault;
    return { name, binary, classes: classesOf(name, own) };
  });
}

function classesOf(output: string, given: Parameters | undefined): number {
  const classes = given?.classification ?? 0;
  if (!Number.isSafeInteger(classes) || (classes as number) < 0) {
    throw new CoveyError('INPUT_INVALID', `output ${output}: classification must be a number of classes`);
  }
  return classes as number;
}

function flag(what: string, given: Parameters | undefined, parameter: string): boolean | undefined {
  const value = given?.[parameter];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new CoveyError('INPUT_INVALID', `${what}: ${parameter} must be true or false`);
}

function binarySize(input: string, given: Parameters | undefined): number | undefined {
  const size = given?.binary_data_size;
  if (size === undefined) return undefined;
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw new CoveyError('INPUT_INVALID', `input ${input}: binary_data_size must be a number of bytes`);
  }
  return size as number;
}

function refuseSharedMemory(given: Parameters | undefined): void {
  if (given?.shared_memory_region !== undefined) {
    throw new CoveyError('UNSUPPORTED', 'the shared-memory extension is not served: send the data itself');
  }
}

function unknownTensor(what: 'input' | 'output', given: string, specs: readonly TensorSpec[]): CoveyError {
  const known = specs.map((spec) => spec.name).join(', ');
  return new CoveyError(
    'INPUT_INVALID',
    `the model has no ${what} ${given}; it has ${known}`.slice(0, 1_000),
  );
}
