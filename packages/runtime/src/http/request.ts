import {
  CoveyError,
  checkDocument,
  datatypes,
  elementBytes,
  elementCount,
  limits,
  type ModelSchema,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import * as v from 'valibot';
import { checkForm, checkInput, type Tensors } from '../tensors/index.ts';
import type { InferenceBody } from './body.ts';
import { tensorFromJson } from './elements.ts';

/** An inference request, checked against the model's schema. */
export interface InferenceRequest {
  id: string | undefined;
  inputs: Tensors;
  /** The outputs to answer with, in order. */
  outputs: { name: string; binary: boolean }[];
}

const parameters = v.optional(v.record(v.string(), v.unknown()));
const name = v.pipe(v.string(), v.maxLength(256));
const dimension = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** The JSON part of POST .../infer (Open Inference Protocol v2, "Inference Request JSON Object"). */
const RequestSchema = v.object({
  id: v.optional(v.pipe(v.string(), v.maxLength(1_024))),
  parameters,
  inputs: v.pipe(
    v.array(
      v.object({
        name,
        shape: v.pipe(v.array(dimension), v.maxLength(limits.tensorRank)),
        datatype: v.picklist(datatypes),
        parameters,
        data: v.optional(v.unknown()),
      }),
    ),
    v.maxLength(limits.tensorsPerModel),
  ),
  outputs: v.optional(v.pipe(v.array(v.object({ name, parameters })), v.maxLength(limits.tensorsPerModel))),
});
type Document = v.InferOutput<typeof RequestSchema>;
type Parameters = v.InferOutput<typeof parameters>;

/** Reads and checks a request. Errors: INVALID_DOCUMENT, INPUT_INVALID (names the tensor, expected and got), UNSUPPORTED. */
export function parseRequest(body: InferenceBody, schema: ModelSchema): InferenceRequest {
  if (body.binary && body.json.byteLength === 0) return rawRequest(body.binary, schema);
  const document = checkDocument(RequestSchema, parseExactly(body.json, schema), 'inference request');
  refuseSharedMemory(document.parameters);
  return {
    id: document.id,
    inputs: inputsOf(document, body.binary ?? new Uint8Array(), schema),
    outputs: outputsOf(document, schema),
  };
}

/** Binary extension, "Raw Binary Request": Inference-Header-Content-Length 0, all bytes are the one input. */
function rawRequest(binary: Uint8Array, schema: ModelSchema): InferenceRequest {
  const [spec, ...others] = schema.inputs;
  const varying = spec?.shape.filter((size) => size === -1).length ?? 0;
  if (spec === undefined || others.length > 0 || varying > 1) {
    const message = 'a raw request needs a model with one input and at most one variable dimension';
    throw new CoveyError('INPUT_INVALID', message);
  }
  const tensor: Tensor = { datatype: spec.datatype, shape: rawShape(spec, binary), data: binary };
  checkInput(spec, tensor);
  return {
    id: undefined,
    inputs: { [spec.name]: tensor },
    outputs: schema.outputs.map((output) => ({ name: output.name, binary: true })),
  };
}

function rawShape(spec: TensorSpec, { byteLength }: Uint8Array): number[] {
  const fixed = elementCount(spec.shape.filter((size) => size !== -1));
  // Without JSON nothing tells how many texts there are: a raw request holds one.
  const count = spec.datatype === 'BYTES' ? 1 : byteLength / elementBytes[spec.datatype];
  return spec.shape.map((size) => (size === -1 ? Math.floor(count / Math.max(1, fixed)) : size));
}

/** JSON in which integers beyond 2^53 become bigint where the model takes 64-bit integers: doubles would round them. */
function parseExactly(json: Buffer, schema: ModelSchema): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    const exact = schema.inputs.some(({ datatype }) => datatype.endsWith('INT64')) && /\d{16}/.test(text);
    return exact ? JSON.parse(text, exactIntegers) : JSON.parse(text);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'inference request is not valid JSON', { cause });
  }
}

function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  const rounded = typeof value === 'number' && !Number.isSafeInteger(value);
  return rounded && source !== undefined && /^-?\d{1,20}$/.test(source) ? BigInt(source) : value;
}

function inputsOf(document: Document, binary: Uint8Array, schema: ModelSchema): Tensors {
  const inputs: Tensors = {};
  let offset = 0;
  for (const input of document.inputs) {
    const spec = schema.inputs.find((candidate) => candidate.name === input.name);
    if (spec === undefined) throw unknownTensor('input', input.name, schema.inputs);
    if (Object.hasOwn(inputs, input.name)) {
      throw new CoveyError('INPUT_INVALID', `input ${input.name} is given twice`);
    }
    refuseSharedMemory(input.parameters);
    const sizeBytes = binarySize(input.name, input.parameters);
    checkForm(spec, input);
    if (sizeBytes === undefined) {
      inputs[input.name] = tensorFromJson(input.name, input.datatype, input.shape, input.data);
      continue;
    }
    const data = binary.subarray(offset, offset + sizeBytes);
    if (input.data !== undefined || data.byteLength !== sizeBytes) {
      throw new CoveyError(
        'INPUT_INVALID',
        `input ${input.name}: binary_data_size is ${sizeBytes}, ${data.byteLength} bytes of binary data are left`,
      );
    }
    offset += sizeBytes;
    inputs[input.name] = { datatype: input.datatype, shape: input.shape, data };
    checkInput(spec, { datatype: input.datatype, shape: input.shape, data });
  }
  if (offset !== binary.byteLength) {
    const message = `${binary.byteLength - offset} bytes of binary data belong to no input`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  const missing = schema.inputs.find((spec) => !Object.hasOwn(inputs, spec.name));
  if (missing) throw new CoveyError('INPUT_INVALID', `input ${missing.name} is missing`);
  return inputs;
}

function outputsOf(document: Document, schema: ModelSchema): InferenceRequest['outputs'] {
  const binaryByDefault = document.parameters?.binary_data_output === true;
  const asked =
    document.outputs ?? schema.outputs.map((output) => ({ name: output.name, parameters: undefined }));
  return asked.map((output, i) => {
    if (!schema.outputs.some((spec) => spec.name === output.name)) {
      throw unknownTensor('output', output.name, schema.outputs);
    }
    if (asked.findIndex((other) => other.name === output.name) !== i) {
      throw new CoveyError('INPUT_INVALID', `output ${output.name} is asked for twice`);
    }
    refuseSharedMemory(output.parameters);
    if (output.parameters?.classification) {
      throw new CoveyError(
        'UNSUPPORTED',
        `output ${output.name}: the classification extension is not served`,
      );
    }
    const own = output.parameters?.binary_data;
    return { name: output.name, binary: typeof own === 'boolean' ? own : binaryByDefault };
  });
}

function binarySize(tensor: string, given: Parameters): number | undefined {
  const size = given?.binary_data_size;
  if (size === undefined) return undefined;
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw new CoveyError('INPUT_INVALID', `input ${tensor}: binary_data_size must be a number of bytes`);
  }
  return size as number;
}

function refuseSharedMemory(given: Parameters): void {
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
