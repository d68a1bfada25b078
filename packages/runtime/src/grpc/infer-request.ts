import { CoveyError, limits } from '@covey/protocol';
import { FieldReader, readVarint } from './fields.ts';

/** Values of `map<string, InferParameter>`; integers beyond 2^53 are rounded. */
export type Parameters = Readonly<Record<string, ParameterValue>>;
type ParameterValue = boolean | number | string;

/** A ModelInferRequest as it is on the wire: nothing of it has been checked against the model. */
export interface InferRequest {
  model: string;
  version: string | undefined;
  id: string;
  parameters: Parameters;
  inputs: InputTensor[];
  outputs: { name: string; parameters: Parameters }[];
  raw: Uint8Array[];
}
interface InputTensor {
  name: string;
  datatype: string;
  shape: number[];
  parameters: Parameters;
  /** An InferTensorContents that is not decoded yet. */
  contents: Uint8Array | undefined;
}

const nameChars = 256;
const idChars = 1_024;
const parametersPerMap = 64;
const noParameters: Parameters = Object.freeze({});

/** Reads a ModelInferRequest; what it holds is bounded. Errors: WIRE_MALFORMED, INPUT_INVALID. */
export function readInferRequest(message: Uint8Array): InferRequest {
  const request: InferRequest = {
    model: '',
    version: undefined,
    id: '',
    parameters: noParameters,
    inputs: [],
    outputs: [],
    raw: [],
  };
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) request.model = bounded('model_name', fields.text(), nameChars);
    else if (field === 2) request.version = bounded('model_version', fields.text(), nameChars) || undefined;
    else if (field === 3) request.id = bounded('id', fields.text(), idChars);
    else if (field === 4) request.parameters = withParameter(request.parameters, fields.bytes());
    else if (field === 5) add('inputs', request.inputs, readInput(fields.bytes()));
    else if (field === 6) add('outputs', request.outputs, readOutput(fields.bytes()));
    else if (field === 7) add('raw_input_contents', request.raw, fields.bytes());
    else fields.skip();
  }
  return request;
}

function readInput(message: Uint8Array): InputTensor {
  const input: InputTensor = {
    name: '',
    datatype: '',
    shape: [],
    parameters: noParameters,
    contents: undefined,
  };
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) input.name = bounded('the name of an input', fields.text(), nameChars);
    else if (field === 2) input.datatype = bounded('datatype', fields.text(), nameChars);
    else if (field === 3) addDimensions(input, fields.packed());
    else if (field === 4) input.parameters = withParameter(input.parameters, fields.bytes());
    else if (field === 5) {
      if (input.contents) throw new CoveyError('INPUT_INVALID', `input ${input.name} has contents twice`);
      input.contents = fields.bytes();
    } else fields.skip();
  }
  return input;
}

function readOutput(message: Uint8Array): InferRequest['outputs'][number] {
  let name = '';
  let parameters = noParameters;
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) name = bounded('the name of an output', fields.text(), nameChars);
    else if (field === 2) parameters = withParameter(parameters, fields.bytes());
    else fields.skip();
  }
  return { name, parameters };
}

function addDimensions({ name, shape }: InputTensor, packed: Uint8Array): void {
  const varint = { low: 0, high: 0 };
  for (let position = 0; position < packed.byteLength; ) {
    position = readVarint(packed, position, varint);
    if (shape.length === limits.tensorRank) {
      throw new CoveyError(
        'INPUT_INVALID',
        `input ${name}: a shape has at most ${limits.tensorRank} dimensions`,
      );
    }
    // Negative numbers have their high bits set.
    if (varint.high !== 0 || varint.low > limits.tensorElements) {
      throw new CoveyError('INPUT_INVALID', `input ${name}: a dimension of its shape is out of range`);
    }
    shape.push(varint.low);
  }
}

/** With one more entry of a map of parameters; the last of one name counts. */
function withParameter(parameters: Parameters, entry: Uint8Array): Parameters {
  let name = '';
  let value: ParameterValue | undefined;
  const fields = new FieldReader(entry);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) name = bounded('the name of a parameter', fields.text(), nameChars);
    else if (field === 2) value = readParameter(fields.bytes());
    else fields.skip();
  }
  if (value === undefined) return parameters;
  const entries = [...Object.entries(parameters), [name, value] as const];
  if (entries.length > parametersPerMap) {
    throw new CoveyError('INPUT_INVALID', `there are more than ${parametersPerMap} parameters`);
  }
  return Object.fromEntries(entries);
}

function readParameter(message: Uint8Array): ParameterValue | undefined {
  let value: ParameterValue | undefined;
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) value = fields.uint64() !== 0n;
    else if (field === 2) value = Number(fields.int64());
    else if (field === 3) value = bounded('a parameter', fields.text(), idChars);
    else if (field === 4) value = fields.double();
    else if (field === 5) value = Number(fields.uint64());
    else fields.skip();
  }
  return value;
}

function bounded(what: string, text: string, chars: number): string {
  if (text.length > chars) throw new CoveyError('INPUT_INVALID', `${what} has more than ${chars} characters`);
  return text;
}

function add<T>(what: string, list: T[], item: T): void {
  if (list.length === limits.tensorsPerModel) {
    throw new CoveyError('INPUT_INVALID', `${what} holds more than ${limits.tensorsPerModel} tensors`);
  }
  list.push(item);
}
