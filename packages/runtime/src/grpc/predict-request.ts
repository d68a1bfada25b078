import { fromBinary } from '@bufbuild/protobuf';
import { CoveyError, limits, type ModelSchema } from '@covey/protocol';
import { type ModelSpec, ModelSpecSchema } from '../generated/tensorflow_serving_pb.ts';
import type { Tensors } from '../tensors/index.ts';
import { FieldReader } from './fields.ts';
import type { Lease } from './memory.ts';
import { Realigner } from './realigner.ts';
import { readTensorMessage, type TensorMessage, tensorFrom } from './tensor-proto.ts';

export const servingSignature = 'serving_default';

/** A PredictRequest as it is on the wire. */
export interface PredictRequest {
  model: string;
  version: string | undefined;
  inputs: Map<string, TensorMessage>;
  /** Names of the outputs to answer with; empty: all. */
  outputs: string[];
}

const nameChars = 256;
const specBytes = 4_096;

/** Reads a PredictRequest; what it holds is bounded. Errors: WIRE_MALFORMED, INPUT_INVALID. */
export function readPredictRequest(message: Uint8Array): PredictRequest {
  const request: PredictRequest = { model: '', version: undefined, inputs: new Map(), outputs: [] };
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) Object.assign(request, selected(readSpec(fields.bytes())));
    else if (field === 2) addInput(request.inputs, fields.bytes());
    else if (field === 3) request.outputs.push(fields.text());
    else fields.skip();
    if (request.inputs.size > limits.tensorsPerModel || request.outputs.length > limits.tensorsPerModel) {
      throw new CoveyError('INPUT_INVALID', `there are more than ${limits.tensorsPerModel} tensors`);
    }
  }
  return request;
}

/** What a ModelSpec selects: integers are numbers of versions, labels are channels. Errors: INPUT_INVALID. */
export function selected(spec: ModelSpec | undefined): { model: string; version: string | undefined } {
  const { name: model = '', signatureName = '', versionChoice } = spec ?? {};
  if (signatureName !== '' && signatureName !== servingSignature) {
    const message = `the model has one signature, ${servingSignature}, not ${signatureName.slice(0, nameChars)}`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  if (versionChoice?.case === 'version') return { model, version: String(versionChoice.value.value) };
  return { model, version: versionChoice?.value };
}

function readSpec(message: Uint8Array): ModelSpec {
  if (message.byteLength > specBytes) throw new CoveyError('INPUT_INVALID', 'model_spec is too long');
  try {
    // A copy: TextDecoder refuses shared memory.
    return fromBinary(ModelSpecSchema, message.slice());
  } catch (cause) {
    throw new CoveyError('WIRE_MALFORMED', `model_spec is not what it should be: ${String(cause)}`, {
      cause,
    });
  }
}

/** The last entry of a name counts, as in every map of protobuf. */
function addInput(inputs: Map<string, TensorMessage>, entry: Uint8Array): void {
  let name = '';
  let value: Uint8Array = new Uint8Array();
  const fields = new FieldReader(entry);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) name = fields.text();
    else if (field === 2) value = fields.bytes();
    else fields.skip();
  }
  if (name.length > nameChars)
    throw new CoveyError('INPUT_INVALID', `the name of an input has ${name.length} characters`);
  inputs.delete(name);
  inputs.set(name, readTensorMessage(name, value));
}

/** Inputs over shared memory. Errors: INPUT_INVALID, PAYLOAD_TOO_LARGE, OVERLOADED, WIRE_MALFORMED. */
export function predictInputs({ inputs }: PredictRequest, schema: ModelSchema, lease: Lease): Tensors {
  const tensors: Tensors = {};
  const inPlace = new Realigner();
  for (const [name, proto] of inputs) {
    const spec = schema.inputs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      const known = schema.inputs.map((candidate) => candidate.name).join(', ');
      throw new CoveyError(
        'INPUT_INVALID',
        `the model has no input ${name}; it has ${known}`.slice(0, 1_000),
      );
    }
    tensors[name] = tensorFrom(spec, proto, inPlace, lease);
  }
  return tensors;
}

/** Names of the outputs to answer with. Errors: INPUT_INVALID. */
export function predictOutputs({ outputs }: PredictRequest, schema: ModelSchema): string[] {
  const known = schema.outputs.map(({ name }) => name);
  const unknown = outputs.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const message = `output_filter: the model has no output ${unknown}; it has ${known.join(', ')}`;
    throw new CoveyError('INPUT_INVALID', message.slice(0, 1_000));
  }
  return outputs.length === 0 ? known : [...new Set(outputs)];
}
